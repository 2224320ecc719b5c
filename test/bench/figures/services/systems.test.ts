// The ten systems of the bench: one of each interface that ships, with settings that it takes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INTERFACES } from '../../../../agent/interfaces.ts';
import { SYSTEMS, thirdParty } from './systems.ts';

test('the bench runs each interface that ships, with settings that it takes', async () => {
  const names = SYSTEMS.map((system) => system.interface);
  assert.equal(names[0], 'fias');
  assert.deepEqual(names.toSorted(), Object.keys(INTERFACES).toSorted());
  for (const system of SYSTEMS) {
    await using place = await thirdParty(system);
    const one = await INTERFACES[system.interface]!();
    const parsed = one.parse(system.settings(place));
    assert.ok(parsed.ok, `${system.interface}: ${JSON.stringify(parsed)}`);
  }
});
