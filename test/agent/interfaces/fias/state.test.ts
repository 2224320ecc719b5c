// The link between PMS and vendor, record by record, without time or sockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, proofOf, provenOf } from '../../../../agent/interfaces/fias/authentication.ts';
import { linkDueMs, linkInitial, linkNext } from '../../../../agent/interfaces/fias/state.ts';
import type { Link, LinkEffect, LinkRules } from '../../../../agent/interfaces/fias/state.ts';
import { readRecord, writeRecord } from '../../../../agent/interfaces/fias/wire.ts';

const RULES: LinkRules = {
  ...{ mode: 'fias', leaveMs: 2_000, isLaMissing: false, isLrMissing: false },
  ...{ authentication: undefined, hotelId: 'H1', keySeconds: 60, roomPayments: '', version: 'u' },
};
const LD = 'LD|DA260401|TI101500|V#1.01|IFPB|';
const LR = 'LR|RIGI|FLRNG#GNGLGSSF|';

/** A link that is told records and says what it does, in short. */
function conversation(changes: Partial<LinkRules> = {}) {
  const rules = { ...RULES, ...changes };
  let link: Link = linkInitial;
  let nowMs = 0;
  const said = (effect: LinkEffect): string => {
    if (effect.do === 'send') return `> ${writeRecord(effect.record)!}`;
    if (effect.do === 'data') return `data ${effect.record.id}`;
    if (effect.do === 'up')
      return `up ${effect.vendor.family} ${[...effect.vendor.described.keys()].join()}`;
    return effect.do === 'note' ? 'note' : `${effect.do} ${effect.why}`;
  };
  type Happened =
    | { readonly on: 'connected' | 'disconnected' | 'due' | 'stop' }
    | {
        readonly on: 'record';
        readonly record: Extract<ReturnType<typeof readRecord>, { ok: true }>['record'];
      };
  const tell = (happened: Happened): readonly string[] => {
    const time = { nowMs, local: '2026-04-01T10:15:00' };
    const step = linkNext(link, { ...happened, ...time }, rules);
    link = step.state;
    return step.effects.map(said).filter((text) => text !== 'note');
  };
  return {
    at: () => link.at,
    connect: () => tell({ on: 'connected' }),
    disconnect: () => tell({ on: 'disconnected' }),
    stop: () => tell({ on: 'stop' }),
    hear: (...texts: readonly string[]) =>
      texts.flatMap((text) => {
        const read = readRecord(text);
        assert.ok(read.ok);
        return tell({ on: 'record', record: read.record });
      }),
    /** Lets time pass until it would act by itself, at most so long. */
    wait: (ms: number) => {
      const untilMs = nowMs + ms;
      const all: string[] = [];
      for (
        let dueMs = linkDueMs(link);
        dueMs !== undefined && dueMs <= untilMs;
        dueMs = linkDueMs(link)
      ) {
        nowMs = Math.max(nowMs, dueMs);
        all.push(...tell({ on: 'due' }));
      }
      nowMs = untilMs;
      return all;
    },
  };
}
const LS_OUT = '> LS|DA260401|TI101500|';
const LA_OUT = '> LA|DA260401|TI101500|';
const LE_OUT = '> LE|DA260401|TI101500|';

test('the link comes up by LS, LD, LR, LA', () => {
  const link = conversation();
  assert.deepEqual(link.connect(), [LS_OUT]);
  assert.deepEqual(link.hear(LD, LR, 'LR|RIPS|FLRNPTDATITAP#|'), []);
  assert.deepEqual(link.hear('LA|DA260401|TI101501|'), [LA_OUT, 'up PB GI,PS']);
  assert.deepEqual(link.hear('PS|RN101|', 'LA|', 'LC|'), ['data PS']);
});

test('LC comes before LA, and only to who asked', () => {
  const link = conversation({ roomPayments: 'ROOM' });
  link.connect();
  assert.deepEqual(link.hear('LD|V#1|IFDL|RT183|', LR, 'LA|'), [
    '> LC|DA260401|TI101500|PHH1|RPROOM|A1u|A2u|A3u|A060;60|',
    LA_OUT,
    'up DL GI',
  ]);
});

test('data before LA is ignored, and LS is said again, but not in a storm', () => {
  const link = conversation();
  link.connect();
  assert.deepEqual(link.hear('PS|RN101|', 'LA|', 'LA|', 'LA|'), []);
  assert.deepEqual(link.wait(1_000), [LS_OUT]);
  // It has begun to describe itself: LS again would begin that anew.
  assert.deepEqual(link.hear(LD, LR, 'RE|RN101|RS1|'), []);
  assert.deepEqual(link.wait(2_000), []);
  assert.deepEqual(link.hear('LA|'), [LA_OUT, 'up PB GI']);
});

test('a vendor that describes nothing hears LS again and again, and never LA', () => {
  const link = conversation();
  link.connect();
  link.hear(LD);
  assert.deepEqual(link.wait(30_000), [LS_OUT]);
  link.hear(LD, 'LA|');
  assert.deepEqual(link.wait(1_000), [LS_OUT]);
  assert.equal(link.at(), 'joining');
});

test('a vendor that says LS, LD, LR at once and answers every LS and LA with LA gets its link', () => {
  const link = conversation();
  assert.deepEqual(link.connect(), [LS_OUT]);
  assert.deepEqual(link.hear('LS|', LD, LR), []);
  assert.deepEqual(link.hear('LA|'), [LA_OUT, 'up PB GI']);
  assert.deepEqual(link.hear('LA|', 'LA|'), []);
});

test('LS while the link is up is an alive check, and LD, LR, LA describe anew', () => {
  const link = conversation();
  link.connect();
  link.hear(LD, LR, 'LA|');
  assert.deepEqual(link.hear('LS|'), [LA_OUT]);
  assert.deepEqual(link.hear(LD, 'LR|RIKR|FLKCWSRN|', 'PS|RN101|'), ['data PS']);
  assert.deepEqual(link.hear('LA|'), [LA_OUT, 'up PB KR']);
  // Begun and not ended: the old description holds.
  link.hear(LD);
  assert.deepEqual(link.wait(30_000), []);
  assert.deepEqual(link.hear('LA|', 'PS|'), ['data PS']);
  // One record more, without LD, is added.
  assert.deepEqual(link.hear('LR|RIKD|FLKC|', 'LA|'), [LA_OUT, 'up PB KR,KD']);
});

test('LE of either side ends the link, answered by LE', () => {
  const vendorLeaves = conversation();
  vendorLeaves.connect();
  vendorLeaves.hear(LD, LR, 'LA|');
  assert.deepEqual(vendorLeaves.hear('LE|'), [LE_OUT, 'hang-up the vendor ended the link (LE)']);
  assert.deepEqual(vendorLeaves.hear('PS|RN101|'), []);
  vendorLeaves.disconnect();
  assert.deepEqual(vendorLeaves.connect(), [LS_OUT]);
  const weLeave = conversation();
  weLeave.connect();
  weLeave.hear(LD, LR, 'LA|');
  assert.deepEqual(weLeave.stop(), [LE_OUT]);
  assert.deepEqual(weLeave.hear('LE|'), ['hang-up both sides said LE']);
  const silent = conversation();
  silent.connect();
  silent.stop();
  assert.deepEqual(silent.wait(1_999), []);
  assert.deepEqual(silent.wait(1), ['hang-up the vendor did not answer LE']);
});

test('settings let vendors in that send no LA, no LR, or neither', () => {
  const noLa = conversation({ isLaMissing: true });
  noLa.connect();
  noLa.hear(LD, LR);
  assert.deepEqual(noLa.wait(1_000), [LA_OUT, 'up PB GI']);
  const sooner = conversation({ isLaMissing: true });
  sooner.connect();
  assert.deepEqual(sooner.hear(LD, LR, 'RE|RN101|RS1|'), [LA_OUT, 'up PB GI', 'data RE']);
  const noLr = conversation({ isLrMissing: true });
  noLr.connect();
  assert.match(noLr.hear(LD, 'LA|')[1]!, /^up PB GI,GO/);
  const neither = conversation({ isLaMissing: true, isLrMissing: true });
  neither.connect();
  assert.equal(neither.hear('PS|RN101|').at(-1), 'data PS');
});

test('in Hotek mode LS is answered by LA alone', () => {
  const link = conversation({ mode: 'hotek' });
  assert.deepEqual(link.connect(), []);
  assert.deepEqual(link.hear('KA|WS1|'), []);
  assert.deepEqual(link.wait(60_000), []);
  assert.deepEqual(link.hear('LS|'), [LA_OUT, 'up  KR,KA']);
  assert.deepEqual(link.hear('LS|'), [LA_OUT]);
  assert.deepEqual(link.hear('KA|WS1|KC1|ASOK|'), ['data KA']);
});

const KEY = keyOf('FidCrypt0S|GVDpVnl6qYlTQXQJZxXdbw==')!;

test('a proof is that of the document, and a wrong one is seen', () => {
  const right = 'FidCryptAB;3k57hsoHm04fGEyaA3+UVw==oNTebC0J36LY8GV9azyhzw==';
  assert.equal(provenOf(right, KEY), '170831102201');
  const wrong = 'FidCryptAB;wrs43icYcDOz0+7U+hsoug==8fLwUEOfzfhDv9yg4z0lhw==';
  for (const proof of [wrong, '', 'FidCryptAB;', right.slice(0, -8), 'FidCryptXX;'])
    assert.equal(provenOf(proof, KEY), undefined, proof);
  for (const key of ['', 'FidCrypt0S|', 'FidCrypt0S|AAAA', 'GVDpVnl6qYlTQXQJZxXdbw=='])
    assert.equal(keyOf(key), undefined);
});

test('who proves itself wrongly is refused until a person looks', () => {
  const rules = { authentication: { key: KEY, isRequired: true } };
  const proof = proofOf('260401101500', KEY, Buffer.alloc(16, 7));
  const good = conversation(rules);
  good.connect();
  assert.equal(good.hear(`LD|IFPB|RT1|CG${proof}|`, LR, 'LA|').at(-1), 'up PB GI');
  const old = proofOf('260401101400', KEY, Buffer.alloc(16, 7));
  for (const ld of [
    `LD|IFPB|RT1|CG${old}|`,
    `LD|IFPB|CG${proof}|`,
    'LD|IFPB|RT1|',
    'LD|RT1|CGx|',
  ]) {
    const link = conversation(rules);
    link.connect();
    const [le, why] = link.hear(ld);
    assert.equal(le, LE_OUT, ld);
    assert.match(why!, /^hang-up the vendor/);
    link.disconnect();
    assert.deepEqual(link.connect(), [why]);
    assert.equal(link.at(), 'refused');
  }
  const lenient = conversation({ authentication: { key: KEY, isRequired: false } });
  lenient.connect();
  assert.equal(lenient.hear(LD, LR, 'LA|').at(-1), 'up PB GI');
});
