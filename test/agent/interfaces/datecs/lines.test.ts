// The service over real lines: a TCP connection, a serial port that is pulled out in the middle of a receipt, the
// search for the baud rate, and the test that a person starts from the page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../../../agent/interfaces/datecs/config.ts';
import { counterpart, createPrinter } from '../../../../agent/interfaces/datecs/counterpart.ts';
import { datecs, startDatecs } from '../../../../agent/interfaces/datecs/run.ts';
import type { ServiceHost } from '../../../../agent/core/interface.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import { behind } from '../../../bench/systems/behind.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import { PATIENT, isWhole, receipt, settingsOf } from './bench.ts';

const signal = new AbortController().signal;
const reconnect = { firstSeconds: 0.1, maxSeconds: 0.2 };

const overTcp = (port: number): Settings =>
  settingsOf('datecs-fp', { line: { kind: 'tcp-client', host: '127.0.0.1', port, reconnect } });
/** As the form gives it, with the bench's terminal in place of a port in /dev/serial. */
function overSerial(device: string, baud: 'auto' | 9_600): Settings {
  const settings = settingsOf('daisy', {
    line: { kind: 'serial', device: '/dev/ttyUSB0', baud, reconnect },
  });
  return { ...settings, line: { ...settings.line, device } as Settings['line'] };
}

test('a receipt goes over TCP', async () => {
  const printer = createPrinter(overTcp(1), { clock: systemClock });
  await using system = await behind(printer, { at: 'tcp-server' });
  const stand = standIn();
  const service = startDatecs(overTcp(system.port), stand.host);
  await stand.until('up', () => stand.talks.at(-1)?.at === 'up');
  assert.equal((await service.handle(receipt(7), signal)).ok, true);
  assert.ok(isWhole(printer.device.memory[0]!));
  await service.close();
});

test('a USB cable pulled out in the middle of a receipt costs nothing but time', async () => {
  for (const at of [5, 11]) {
    let count = 0;
    let pulled: Promise<void> | undefined;
    const printer = createPrinter(
      overSerial('/dev/null', 9_600),
      { clock: systemClock },
      {
        mishap: (cmd) => {
          count += cmd === 0x4a ? 0 : 1;
          if (count !== at || pulled !== undefined) return undefined;
          pulled = system.unplug().then(() => system.plug());
          return 'mute';
        },
      },
    );
    await using system = await behind(printer, { at: 'pty' });
    const stand = standIn();
    const settings = overSerial(system.device, 9_600);
    const service = startDatecs(settings, stand.host, { ...PATIENT, answerMs: 500 });
    await stand.until('up', () => stand.talks.at(-1)?.at === 'up');
    const outcome = await service.handle(receipt(7), signal);
    assert.equal(outcome.ok, true, JSON.stringify(outcome));
    assert.equal(system.connections, 2);
    assert.deepEqual(printer.device.memory.map(isWhole), [true]);
    await service.close();
  }
});

test('a printer that is switched on late is found at its baud rate', async () => {
  let isOn = false;
  const printer = createPrinter(
    overSerial('/dev/null', 'auto'),
    { clock: systemClock },
    {
      mishap: () => (isOn ? undefined : 'deaf'),
    },
  );
  await using system = await behind(printer, { at: 'pty' });
  const stand = standIn();
  const bauds: unknown[] = [];
  const host: ServiceHost = {
    ...stand.host,
    openLine: (line, hears) => {
      bauds.push(line.kind === 'serial' ? line.baud : undefined);
      return stand.host.openLine(line, hears);
    },
  };
  const times = { ...PATIENT, answerMs: 20, probeMs: 20 };
  const service = startDatecs(overSerial(system.device, 'auto'), host, times);
  await stand.until('tried', () => stand.talks.filter(({ at }) => at === 'joining').length > 4);
  const early = await service.handle(receipt(7), signal);
  assert.ok(!early.ok && early.why === 'offline');
  isOn = true;
  await stand.until('up', () => stand.talks.at(-1)?.at === 'up');
  const asked = stand.traces.filter((trace) => trace === 'out status').length;
  assert.ok(asked <= bauds.length, 'one question at each rate');
  assert.deepEqual(
    bauds.slice(0, 5),
    [115_200, 38_400, 9_600, 19_200, 57_600].slice(0, bauds.length),
  );
  await service.close();
});

test('the test asks and prints nothing, and says what to do', async () => {
  const printer = createPrinter(overTcp(1), { clock: systemClock });
  await using system = await behind(printer, { at: 'tcp-server' });
  const settings = overTcp(system.port);
  const { host } = standIn();
  const fine = await datecs.test(settings, host, signal);
  assert.deepEqual(
    fine.map(({ step, ok }) => [step, ok]),
    [
      ['printer', true],
      ['state', true],
      ['last document', true],
    ],
  );
  printer.device.hasPaper = false;
  const noPaper = await datecs.test(settings, host, signal);
  assert.match(noPaper.find(({ ok }) => !ok)?.text ?? '', /roll/);
  assert.equal(printer.device.memory.length, 0);
  await using rehearsal = await behind(counterpart(settings, { clock: systemClock }), {
    at: 'tcp-server',
  });
  assert.ok((await datecs.test(overTcp(rehearsal.port), host, signal)).every(({ ok }) => ok));
});

test('settings are refused with every field that is wrong, and say what may be reached', () => {
  const parsed = datecs.parse({
    line: { kind: 'serial', device: '/etc/passwd', baud: 1 },
    dialect: 'datecs-x',
    paymentTypes: { cash: 'P' },
    taxGroups: { '1': 9 },
  });
  assert.ok(!parsed.ok);
  const fields = parsed.problems.map(({ field }) => field).toSorted();
  assert.deepEqual(fields, ['line.baud', 'line.device', 'taxGroups.1']);
  const mixed = datecs.parse({
    ...{ line: { kind: 'tcp-client', host: 'a' }, dialect: 'datecs-x' },
    ...{ paymentTypes: { cash: 'P' }, taxGroups: { '1': 2 } },
  });
  assert.ok(!mixed.ok && mixed.problems[0]?.field === 'paymentTypes.cash');
  assert.deepEqual(datecs.needs(overTcp(4_999)), [
    { need: 'connect', host: '127.0.0.1', port: 4_999 },
  ]);
  assert.deepEqual(datecs.needs(overSerial('/dev/ttyUSB0', 'auto')), [
    { need: 'device', path: '/dev/ttyUSB0' },
  ]);
});
