// Renewal as rules, against a cloud of a few lines: the plug pulled between any two things, answers
// lost, certificates refused. The unit always holds one that works.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterFailure,
  follows,
  isDue,
  keyOf,
  noTries,
  stepOf,
} from '../../../agent/provisioning/renewal.ts';
import type { Done } from '../../../agent/provisioning/renewal.ts';
import type { Outcome } from '../../../agent/provisioning/state.ts';
import { parseSaved, renderSaved } from '../../../agent/provisioning/wire.ts';
import { randomFrom, testSeed } from '../random.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n';
const done: Done = { v: 1, at: 'done', certificateId: 'c0', certificatePem: PEM };
const DAY = 86_400_000;
type Failed = Extract<Outcome, { is: 'failed' }>;
const failed = (kind: Failed['kind']): Failed => ({ is: 'failed', kind, why: kind });

test('it is due at two thirds of the lifetime: for AWS, valid until 2049, in a working life', () => {
  const year = { fromMs: 0, toMs: 366 * DAY };
  assert.equal(isDue(year, 243 * DAY), false);
  assert.equal(isDue(year, 244 * DAY), true);
  const aws = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2049, 11, 31) };
  assert.equal(isDue(aws, Date.UTC(2041, 0, 1)), false);
  assert.equal(isDue(aws, Date.UTC(2042, 0, 2)), true);
});

test('the key that is not in use takes the new one, and the other way round the next time', () => {
  const trial: Done = { ...done, next: { at: 'trial', certificateId: 'c1', certificatePem: PEM } };
  const first = follows(trial, { is: 'connected' })!;
  assert.deepEqual(
    [first.certificateId, keyOf(first), first.next],
    ['c1', 'unit-2.key', undefined],
  );
  const again = follows({ ...first, next: trial.next! }, { is: 'connected' })!;
  assert.equal(keyOf(again), 'unit.key');
});

test('an outcome that does not belong to what is saved changes nothing', () => {
  assert.equal(follows(done, { is: 'connected' }), undefined);
  assert.equal(follows(done, { is: 'registered' }), undefined);
  assert.equal(follows({ ...done, next: { at: 'keyed' } }, { is: 'key-made' }), undefined);
});

test('a no is asked again after hours, up to a day; a trial within a minute', () => {
  const delay = (saved: Done, failures: number, kind: Failed['kind']): number =>
    afterFailure(saved, failed(kind), { tries: { failures, refusals: 0 }, random: 0.999 }).delayMs;
  const keyed: Done = { ...done, next: { at: 'keyed' } };
  assert.ok(delay(keyed, 0, 'way') <= 128_000);
  assert.ok(delay(keyed, 30, 'way') <= 3_600_000);
  assert.ok(delay(keyed, 30, 'rejected') > 80_000_000);
  const trial: Done = { ...done, next: { at: 'trial', certificateId: 'c1', certificatePem: PEM } };
  assert.ok(delay(trial, 30, 'way') <= 60_000);
});

/** AWS with our rule: a certificate that has let the unit in retires the older ones. */
class Cloud {
  issued = 0;
  readonly tokens = new Map<string, number>();
  readonly active = new Set<number>([0]);
  perform(saved: Done): Outcome {
    const { next } = saved;
    switch (stepOf(saved)) {
      case 'make-key':
        return { is: 'key-made' };
      case 'ask-certificate': {
        if (!this.lets(saved.certificateId)) return failed('way');
        this.issued += 1;
        this.tokens.set(`t${this.issued}`, this.issued);
        const certificateId = `c${this.issued}`;
        return { is: 'certificate', certificateId, certificatePem: PEM, token: `t${this.issued}` };
      }
      case 'register': {
        if (!this.lets(saved.certificateId)) return failed('way');
        const number = this.tokens.get(next?.at === 'certified' ? next.token : '');
        if (number === undefined) return failed('token');
        this.active.add(number);
        return { is: 'registered' };
      }
      case 'try':
        return next?.at === 'trial' && this.lets(next.certificateId)
          ? { is: 'connected' }
          : failed('refused');
    }
  }
  lets(certificateId: string): boolean {
    const number = Number(certificateId.slice(1));
    if (!this.active.has(number)) return false;
    for (const older of this.active) if (older < number) this.active.delete(older);
    return true;
  }
}

test('wherever the plug is pulled and whatever is lost, the certificate that is held works', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  for (let i = 0; i < 2_000; i += 1) {
    const cloud = new Cloud();
    let card: Done = done;
    let renewals = 0;
    for (let steps = 0; renewals < 3; steps += 1) {
      assert.ok(steps < 3_000, `seed ${seed}, ${i}: never done, ${JSON.stringify(card)}`);
      let tries = noTries;
      // A life: until the plug is pulled.
      while (random() >= 0.1 && renewals < 3) {
        const outcome = cloud.perform(card);
        const heard = random() < 0.15 ? failed('way') : outcome;
        if (random() < 0.05) cloud.tokens.clear();
        if (random() < 0.1) break;
        const after =
          heard.is === 'failed' ? afterFailure(card, heard, { tries, random: 0.5 }) : undefined;
        tries = after?.tries ?? noTries;
        const later = heard.is === 'failed' ? after?.saved : follows(card, heard);
        if (later === undefined || random() < 0.1) continue;
        const stored = parseSaved(renderSaved(later));
        assert.ok(stored.at === 'done');
        card = stored;
        if (heard.is === 'connected') renewals += 1;
      }
    }
    assert.ok(cloud.lets(card.certificateId), `seed ${seed}, ${i}`);
    assert.equal(cloud.active.size, 1, `seed ${seed}, ${i}`);
  }
});
