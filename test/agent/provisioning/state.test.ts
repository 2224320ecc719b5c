// Provisioning as a state machine, against a cloud of a few lines: the plug pulled between any two
// things, answers lost, refusals. It always ends with one certificate in use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initial, next } from '../../../agent/provisioning/state.ts';
import type { Effect, Event, Outcome, Provisioning } from '../../../agent/provisioning/state.ts';
import { parseSaved, renderSaved } from '../../../agent/provisioning/wire.ts';
import type { Saved } from '../../../agent/provisioning/wire.ts';
import { randomFrom, testSeed } from '../random.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n';
const certified = { v: 1, certificateId: 'c1', certificatePem: PEM } as const;
type Kind = Extract<Outcome, { is: 'failed' }>['kind'];
const failed = (kind: Kind, why: string = kind): Outcome => ({
  is: 'failed',
  kind,
  why,
});

/** The state after `outcome` of what is done with `saved`. */
function outcomeOf(saved: Saved, ...outcomes: readonly Outcome[]) {
  let step = next(initial, { on: 'started', saved });
  for (const outcome of outcomes) {
    step = next(step.state, { on: 'ended', outcome, nowMs: 0, random: 0.999 });
    if (step.state.at === 'waiting' && outcome !== outcomes.at(-1)) {
      step = next(step.state, { on: 'due' });
    }
  }
  return step;
}
const waited = (effects: readonly Effect[]): number | undefined =>
  effects.flatMap((effect) => (effect.do === 'wait' ? [effect.delayMs] : []))[0];

test('without a claim it waits, and says nothing of a problem', () => {
  const { state, effects } = outcomeOf({ at: 'new' }, failed('no-claim'));
  assert.deepEqual([state.at, state.problem, waited(effects)], ['waiting', undefined, 5_000]);
});

test('nothing is done before what came before it is on the card', () => {
  const step = outcomeOf({ at: 'new' }, { is: 'claim-found' }, { is: 'key-made' });
  assert.deepEqual(
    step.effects.map((effect) => effect.do),
    ['store'],
  );
  assert.equal(step.state.at, 'saving');
  assert.equal(next(step.state, { on: 'due' }).effects[0]?.do, 'store');
  const stored = next(step.state, { on: 'stored' });
  assert.deepEqual(stored.effects[0], {
    do: 'act',
    action: 'ask-certificate',
    saved: { v: 1, at: 'keyed' },
  });
});

test('a card that does not take it is tried again, and nothing else is done', () => {
  const { state } = outcomeOf({ at: 'new' }, { is: 'claim-found' }, { is: 'key-made' });
  const step = next(state, { on: 'not-stored', why: 'ENOSPC', nowMs: 0, random: 0.5 });
  assert.equal(step.state.at, 'saving');
  assert.equal(step.state.problem?.why, 'ENOSPC');
  assert.equal(next(step.state, { on: 'due' }).effects[0]?.do, 'store');
});

test('a refused claim is tried ever less often, up to a quarter of an hour', () => {
  const many = Array.from({ length: 12 }, () => failed('refused', 'CONNACK_7'));
  const { state, effects } = outcomeOf({ v: 1, at: 'keyed' }, ...many);
  assert.ok((waited(effects) ?? 0) > 800_000);
  assert.equal(state.problem?.refused, true);
  const busy = Array.from({ length: 12 }, () => failed('busy', 'Throttled'));
  assert.ok((waited(outcomeOf({ v: 1, at: 'keyed' }, ...busy).effects) ?? 0) < 120_001);
});

test('after an expired token the certificate is tried before another is asked for', () => {
  const saved: Saved = { ...certified, at: 'certified', token: 't' };
  const { state } = outcomeOf(saved, failed('token', 'InvalidCertificateOwnershipToken'));
  assert.equal(state.saved.at, 'trial');
  const works = outcomeOf({ ...certified, at: 'trial' }, { is: 'connected' });
  assert.equal(works.state.saved.at, 'confirmed');
  const four = Array.from({ length: 4 }, () => failed('refused'));
  assert.equal(outcomeOf({ ...certified, at: 'trial' }, ...four).state.saved.at, 'keyed');
  const offline = Array.from({ length: 40 }, () => failed('way'));
  assert.equal(outcomeOf({ ...certified, at: 'trial' }, ...offline).state.saved.at, 'trial');
});

test('a hook that denies makes no further certificates; an unknown rejection does, in the end', () => {
  const saved: Saved = { ...certified, at: 'certified', token: 't' };
  const denied = Array.from({ length: 30 }, () => failed('refused', 'AccessDenied'));
  assert.equal(outcomeOf(saved, ...denied).state.saved.at, 'certified');
  const odd = Array.from({ length: 5 }, () => failed('rejected', 'Odd'));
  assert.equal(outcomeOf(saved, ...odd).state.saved.at, 'trial');
});

test('a certificate whose policy lags is tried at least once a minute, for ever', () => {
  const many = Array.from({ length: 30 }, () => failed('refused'));
  const { state, effects } = outcomeOf({ ...certified, at: 'registered' }, ...many);
  assert.equal(state.saved.at, 'registered');
  assert.ok((waited(effects) ?? 0) <= 60_000);
});

test('what does not follow is not believed', () => {
  for (const saved of [{ at: 'new' }, { v: 1, at: 'keyed' }] as const) {
    const { state, effects } = outcomeOf(saved, { is: 'registered' });
    assert.equal(state.saved.at, saved.at);
    assert.deepEqual(effects, []);
  }
});

/** AWS in a few lines: what it holds, and which certificates let a unit in. */
class Cloud {
  issued = 0;
  readonly tokens = new Map<string, string>();
  readonly active = new Set<string>();
  clear(): void {
    this.tokens.clear();
  }
  ask(): Outcome {
    this.issued += 1;
    const certificateId = `c${this.issued}`;
    this.tokens.set(`t${this.issued}`, certificateId);
    return { is: 'certificate', certificateId, certificatePem: PEM, token: `t${this.issued}` };
  }
  register(token: string): Outcome {
    const id = this.tokens.get(token);
    if (id === undefined) return failed('token', 'InvalidCertificateOwnershipToken');
    this.active.add(id);
    return { is: 'registered' };
  }
}

/** A life of the unit until it is done; the plug is pulled as chance has it. Returns the card. */
function live(random: () => number): { readonly card: Saved; readonly cloud: Cloud } {
  const cloud = new Cloud();
  let card: Saved = { at: 'new' };
  let claim = true;
  for (let lives = 0; lives < 500; lives += 1) {
    let state: Provisioning = initial;
    const queue: Event[] = [{ on: 'started', saved: card }];
    for (let steps = 0; queue.length > 0 && steps < 200; steps += 1) {
      if (random() < 0.08) break;
      const step = next(state, queue.shift()!);
      state = step.state;
      for (const effect of step.effects) {
        if (effect.do === 'finish') return { card, cloud };
        if (effect.do === 'wait') queue.push({ on: 'due' });
        if (effect.do === 'store') {
          const isLost = random() < 0.1;
          if (!isLost) card = parseSaved(renderSaved(effect.saved));
          const why = { why: 'EIO', nowMs: 0, random: 0.5 };
          queue.push(isLost ? { on: 'not-stored', ...why } : { on: 'stored' });
        }
        if (effect.do !== 'act') continue;
        const outcome = perform(effect.action, effect.saved);
        // The deed is done, and its answer lost.
        const heard = random() < 0.2 ? failed('way', 'ECONNRESET') : outcome;
        if (random() < 0.08) queue.length = 0;
        else queue.push({ on: 'ended', outcome: heard, nowMs: 0, random: random() });
      }
      if (random() < 0.05) cloud.clear();
    }
  }
  throw new Error(`never done, at ${card.at}`);

  function perform(action: string, saved: Saved): Outcome {
    switch (action) {
      case 'look-for-claim':
        return claim ? { is: 'claim-found' } : failed('no-claim');
      case 'make-key':
        return { is: 'key-made' };
      case 'ask-certificate':
        return claim ? cloud.ask() : failed('no-claim');
      case 'register':
        assert.equal(saved.at, 'certified');
        return cloud.register(saved.at === 'certified' ? saved.token : '');
      case 'connect':
        assert.ok('certificateId' in saved);
        return cloud.active.has(saved.certificateId) ? { is: 'connected' } : failed('refused');
      default:
        claim = false;
        return { is: 'claim-removed' };
    }
  }
}

test('wherever the plug is pulled and whatever is lost, one certificate is in use', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  for (let i = 0; i < 2_000; i += 1) {
    const { card, cloud } = live(random);
    assert.ok(card.at === 'done' && cloud.active.has(card.certificateId), `seed ${seed}, ${i}`);
    assert.equal(cloud.active.size, 1, `seed ${seed}, ${i}: a second one works, too`);
  }
});
