// A card for an emulated unit in the simulated hotel: a built release, assembled anew with a factory
// record that trusts the bench's servers.
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OperatorError } from '../../image/core/errors.ts';
import { makeCard } from '../../image/emulator/machine.ts';
import { assemble } from '../../image/unit/assemble.ts';
import type { Hotel } from './hotel/hotel.ts';

/**
 * Makes the card in the hotel's folder; `record` are further files of its factory record. `image` is one that ./build.sh made: its release lies beside it.
 * Throws OperatorError `no-release`.
 */
export async function makeUnitCard(
  hotel: Hotel,
  image: string,
  record: Readonly<Record<string, string | Buffer>> = {},
): Promise<string> {
  const version = basename(image, '.img').replace(/^clock-iot-unit-|-claim-[0-9a-f]{8}$/g, '');
  const release = join(dirname(image), 'release', version);
  if (!existsSync(release)) {
    throw new OperatorError('no-release', `There is no release ${release} for ${image}`, {
      hint: 'Build the image here: ./build.sh',
    });
  }
  const own = join(hotel.folder, 'unit.img');
  await assemble({
    release,
    image: own,
    work: join(hotel.folder, 'assemble'),
    epochSeconds: Math.floor(Date.now() / 1_000),
    record: { 'endpoints.json': hotel.endpointsOverride(), ...record },
  });
  const card = join(hotel.folder, 'card');
  await makeCard(own, card);
  return card;
}
