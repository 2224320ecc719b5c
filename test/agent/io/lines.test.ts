// What every line keeps, whatever it is made of: one contract over TCP both ways, a kernel terminal, a printer's
// file and the rehearsal without sockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standIn } from '../../bench/systems/stand-in.ts';
import { LINE_KINDS } from './line-kinds.ts';
import { createEcho, openHeard } from './third-party.ts';

for (const [name, setUp] of Object.entries(LINE_KINDS)) {
  test(`${name}: bytes arrive in order both ways, however many writes wait`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    await until('up', () => said.includes('up'));
    const parts = Array.from({ length: 200 }, (_value, index) => `${index};`.repeat(index % 30));
    await Promise.all(parts.map(async (part) => line.write(Buffer.from(part))));
    await until('all is back', () => text().length >= parts.join('').length);
    assert.equal(text(), parts.join(''));
    assert.equal(echo.received(), parts.join(''));
    await line.close();
  });

  test(`${name}: drop() says so once, later, and the next connection comes by itself`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    await until('up', () => said.includes('up'));
    line.drop('because');
    assert.ok(!said.includes('lost because'));
    await assert.rejects(line.write(Buffer.from('x')), { code: 'down' });
    await until('up again', () => said.at(-1) === 'up' && said.includes('lost because'));
    assert.equal(said.filter((one) => one.startsWith('lost')).length, 1);
    await line.write(Buffer.from('again'));
    await until('it works again', () => text() === 'again');
    await line.close();
  });

  test(`${name}: after close() nothing is heard, and close() may be called twice`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    await until('up', () => said.includes('up'));
    echo.open[0]!.send(Buffer.from('late'));
    await Promise.all([line.close(), line.close()]);
    const before = [said.join(), text()];
    await assert.rejects(line.write(Buffer.from('x')), { code: 'down' });
    await new Promise((done) => setTimeout(done, 20));
    assert.deepEqual([said.join(), text()], before);
  });

  test(`${name}: the last bytes before close() arrive`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said } = heard;
    await until('up', () => said.includes('up'));
    // Bytes from the other side are on their way, unread, when the end comes.
    echo.open[0]!.send(Buffer.alloc(2_000, 0x20));
    await line.write(Buffer.from('goodbye'));
    await line.close();
    await until('they arrived', () => echo.received() === 'goodbye');
  });
}

for (const [name, setUp] of Object.entries(LINE_KINDS)) {
  // Nothing to pull there.
  if (name === 'a rehearsal') continue;
  test(`${name}: a cable that is pulled and put back is noticed both times`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { cable } = setup;
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    for (let round = 1; round <= 3; round += 1) {
      await until('up', () => said.filter((one) => one === 'up').length === round);
      await line.write(Buffer.from(`round ${round}`));
      await until('it works', () => text().endsWith(`round ${round}`));
      await cable.unplug();
      await until('noticed', () => said.filter((one) => one.startsWith('lost')).length === round);
      await assert.rejects(line.write(Buffer.from('x')), { code: 'down' });
      await cable.plug();
    }
    await line.close();
  });
}
