// What all cards of a flash share: the release and whose it is, the fleet's files, the template; and one card's way
// through it. For the terminal and for the station's page.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Actor, CardIdentity } from '../ledger/ports.ts';
import { seal } from '../ledger/seal.ts';
import { readClaim } from '../release/build.ts';
import { cacheFolder } from '../release/inputs.ts';
import { developmentKeyFile } from '../release/sign.ts';
import { signersOf } from '../unit/inspect/release.ts';
import { makeKeys } from '../unit/keys.ts';
import { contentWithin, isNoUnit } from './contents.ts';
import type { Content } from './contents.ts';
import { tryCard } from './device.ts';
import { changed, faultOf } from './faults.ts';
import { flashCard } from './flash.ts';
import type { FlashNeeds } from './flash.ts';
import type { CardView } from './ports.ts';
import { recordSizes } from './record.ts';
import type { FleetFiles } from './record.ts';
import { newestRelease, openRelease, templateOf } from './release.ts';
import { writeInProcess } from './writer.ts';

export interface FleetRequest {
  readonly claim: string | undefined;
  readonly endpoints: string | undefined;
  readonly release: string | undefined;
  /** Where releases lie. */
  readonly releases: string;
  readonly signer: string | undefined;
  readonly by: Actor;
  /** Another card of this unit, and what goes with it. */
  readonly again?: (FlashNeeds['again'] & { readonly serial: string }) | undefined;
}

/** Ready to write cards. */
export interface Flasher {
  readonly version: string;
  /** Signed with a development key. */
  readonly development: boolean;
  /** Without a claim units cannot register with the cloud. */
  readonly hasClaim: boolean;
  /** Never rejects: whatever happens to this card is in the view it returns. */
  readonly flash: (
    card: CardIdentity,
    options: {
      readonly order: string | undefined;
      readonly show: (view: CardView) => void;
      /** What lay on it when it was shown: nothing else is written over. */
      readonly shown: Content;
    },
  ) => Promise<CardView>;
}

/** Checks and makes everything that all cards share. Throws OperatorError. */
export async function prepareFlasher(
  request: FleetRequest,
  around: { readonly progress: Progress; readonly signal: AbortSignal; readonly ledger: Ledger },
): Promise<Flasher> {
  const { progress, signal, ledger } = around;
  const fleet = await fleetFiles(request);
  const folder = resolve(request.release ?? (await newestRelease(request.releases)));
  const signing = process.env['CLOCK_SIGNING_KEY'];
  const own = [...(signing === undefined ? [] : [signing]), developmentKeyFile()];
  const release = await progress.step('release', async () =>
    openRelease(folder, await signersOf(request.signer, own)),
  );
  const { version, signedBy } = release.manifest;
  if (signedBy.development) {
    progress.say('! signed with a development key: good for trying out, not for a customer');
  }
  if (request.claim === undefined) {
    progress.say('! without --claim: units with these cards cannot register with the cloud');
  }
  const { again } = request;
  const sizes = { ...recordSizes(fleet), ...sizesOf(again?.files ?? {}) };
  const templates = join(cacheFolder(), 'templates');
  const template = await templateOf(release, sizes, { templates, progress, signal });
  const write = writeInProcess();
  return {
    version,
    development: signedBy.development,
    hasClaim: request.claim !== undefined,
    flash: (card, { order, show, shown }) =>
      flashCard(card, {
        lookAgain: (before) => lookAgain(before, shown),
        ...{ ledger, release: version, template, fleet, by: request.by, order },
        ...{ serial: again?.serial, again },
        ...{ makeKeys, write, show, signal, nowMs: () => performance.now() },
        // Of now: a station runs for days, and support's key may be another one by then.
        escrow: async (text) => {
          const { recipient } = ledger;
          return recipient === undefined ? undefined : seal(text, recipient);
        },
      }),
  };
}

/** A question may have waited, and other stations write cards too. */
async function lookAgain(card: CardIdentity, shown: Content): Promise<CardIdentity> {
  await tryCard(card).catch((error: unknown) => {
    throw faultOf(error, 'looking at it once more');
  });
  const { holds, unit } = await contentWithin(card.device);
  if (holds !== shown || unit !== card.unit) throw changed(card.device);
  return { ...card, isBlank: isNoUnit(holds) };
}

const sizesOf = (files: Readonly<Record<string, Uint8Array>>): Record<string, number> =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, bytes.length]));

async function fleetFiles({ claim, endpoints }: FleetRequest): Promise<FleetFiles> {
  return {
    ...(claim === undefined ? {} : await readClaim(resolve(claim))),
    ...(endpoints === undefined ? {} : { 'endpoints.json': await readJson(endpoints) }),
  };
}

async function readJson(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  try {
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new OperatorError('endpoints', `${file} is no JSON: ${(cause as Error).message}`, {
      hint: 'See agent/README.md for what belongs into it',
      cause,
    });
  }
}
