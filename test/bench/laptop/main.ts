// `npm start`: the bench's cloud and a unit's agent on this machine, without root, on loopback only. Plays
// what happens to a unit in its first minute, tells it, and stays for people to try things.
// `-- --once` ends when the story has been told.
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unit, THING } from '../../agent/unit.ts';
import type { Cloud } from '../cloud/api.ts';
import { openCloud } from '../cloud/cloud.ts';
import { enterCode, heard, order } from '../cloud/owner.ts';
import type { Account } from '../cloud/owner.ts';
import { openPage } from '../cloud/page.ts';
import type { Pms } from '../pms/api.ts';
import { openPms } from '../pms/pms.ts';
import { openHotelSystems, playHotel } from './hotel.ts';

const HELP = `npm start            the bench's cloud and one unit on this machine, on loopback only; Ctrl-C ends it
npm start -- --once  the same, ending when everything has been seen once
`;
/** On a machine five times slower than a laptop it still is done. */
const STEP_MS_MAX = 60_000;
/** The unit's page answers some requests a second, not hundreds. */
const LOOK_MS = 100;
const STEPS: Readonly<Record<string, string>> = {
  time: 'looks whether its clock is right',
  claim: 'waits for a claim from the factory',
  key: 'makes its own key, which never leaves it',
  certificate: 'asks for a certificate with the factory’s claim',
  registration: 'registers itself as a thing',
  connection: 'tries its certificate',
  'clean-up': 'removes the claim',
  done: 'has its own certificate; the claim is gone',
};

const startedMs = performance.now();
function tell(who: 'cloud' | 'unit' | 'owner' | 'pms' | 'hotel', text: string): void {
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${who.padEnd(6)} ${text}\n`);
}

async function until<T>(
  what: string,
  find: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const endMs = performance.now() + STEP_MS_MAX;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`It did not come to this: ${what}`);
    await sleep(LOOK_MS);
  }
}

/** The unit provisions itself and is paired. */
async function begin(cloud: Cloud, pms: Pms, unit: Unit): Promise<void> {
  let last = '';
  await until('provisioning', async () => {
    const { provisioning, link } = await unit.status();
    const { step } = provisioning;
    if (step !== last) tell('unit', STEPS[step] ?? step);
    last = step;
    return step === 'done' && link.at === 'up' ? true : undefined;
  });
  tell('unit', `is connected, port ${cloud.ports.mqtt} in place of 8883`);

  const code = await until('a code', async () => {
    const html = await (await fetch(unit.running.url)).text();
    return /class="code">([^<]+)</.exec(html)?.[1];
  });
  tell('unit', `shows the code ${code} on its page`);
  await until('the cloud hears of the code', () =>
    heard(cloud).find(({ kind }) => kind === 'pairing.code'),
  );
  tell('owner', 'enters it in the PMS');
  enterCode(cloud, code, accountOf(pms));
  const { body } = await until('pairing', () =>
    heard(cloud).find(({ kind }) => kind === 'pairing.changed'),
  );
  tell('unit', `works for ${String(body['kind'])} account ${String(body['accountId'])}`);

  const hotel = await until('the PMS', async () => {
    const { pms: seen } = await unit.status();
    return seen.accounts[0]?.reached ?? undefined;
  });
  tell('unit', `reaches its PMS: ${hotel.hotel}, ${hotel.timeZone}, day ${hotel.businessDate}`);
  tell('pms', `was called ${pms.calls().length} times, signed by Digest`);
}

/** It carries out a command, and delivers events. */
async function command(cloud: Cloud, unit: Unit): Promise<void> {
  tell('cloud', 'gives the command unit.diagnose');
  const id = order(cloud, THING, { kind: 'unit.diagnose' });
  let seen = 0;
  await until('the command’s end', () => {
    const results = heard(cloud).filter((one) => one.body['command'] === id);
    for (const one of results.slice(seen)) tell('unit', `answers: ${String(one.body['state'])}`);
    seen = results.length;
    return results.find((one) => one.body['state'] === 'processed');
  });

  await until('an empty queue', async () => {
    const { outbox } = await unit.status();
    return outbox.waiting === 0 ? true : undefined;
  });
  const events = heard(cloud).filter(({ direction }) => direction === 'event');
  tell('cloud', `has ${events.length} events: ${events.map(({ kind }) => kind).join(', ')}`);
}

/** Without its port, which is the bench's. */
function accountOf(pms: Pms): Account {
  const { kind, host, subscriptionId, accountId, apiUser, apiKey } = pms.account('pms');
  return { kind, host, subscriptionId, accountId, apiUser, apiKey };
}

async function main(argv: readonly string[]): Promise<void> {
  const options = { once: { type: 'boolean', default: false }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: [...argv], options });
  if (values.help) return void process.stdout.write(HELP);
  const cloud = await openCloud({ hosts: ['localhost'] });
  const pms = await openPms({ rootsPem: cloud.rootsPem });
  const systems = await openHotelSystems();
  const page = await openPage(cloud, { account: accountOf(pms) });
  const { ports } = cloud;
  const both = { ports, rootsPem: pms.rootsPem, makeClaim: () => cloud.makeClaim() };
  const unit = await Unit.prepare(both, { clockPort: pms.port });
  let isOver = false;
  const end = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await unit.remove();
    await systems[Symbol.asyncDispose]();
    await page.close();
    await pms.close();
    await cloud.close();
  };
  const interrupted = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
  try {
    tell('cloud', `a double of AWS IoT Core, on loopback. Its page: ${page.url}`);
    tell('pms', `a double of Clock’s API, on loopback, port ${pms.port}`);
    await unit.start();
    tell('unit', `its page: ${unit.running.url}`);
    const play = async (): Promise<void> => {
      await begin(cloud, pms, unit);
      await playHotel(systems, { cloud, pms }, { tell, until });
      await command(cloud, unit);
    };
    await Promise.race([play(), interrupted]);
    if (values.once) return;
    process.stdout.write(`
The unit   ${unit.running.url}
The cloud  ${page.url}  (commands, jobs, what the unit says)
The PMS    a double of Clock's API, with one hotel
The hotel  a lock server and an exchange, as the unit's page shows them
This machine is no hotel: the unit's checks of its network fail here, and say what is missing.
Ctrl-C ends all and leaves nothing behind.
`);
    await interrupted;
  } finally {
    await end();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
