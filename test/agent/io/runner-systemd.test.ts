// The runner with real files, the real root helper behind a systemd of the test: what it leaves for root, what it
// makes of the answers, and that it waits for no one without end.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Need } from '../../../agent/core/interface.ts';
import { createLog } from '../../../agent/core/log.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { systemdRunner } from '../../../agent/io/runner-systemd.ts';
import type { Lookup } from '../../../agent/io/runner-systemd.ts';
import type { UnitState, Units } from '../../../agent/io/systemd.ts';
import { realUnits } from '../../../agent/io/units.ts';
import type { Prepared } from '../../../agent/services/ports.ts';
import { makeSandboxes } from '../../../agent/units/run.ts';

const UNITS = 'clock-units.service';
const state = (activeState: string, result = 'success', memoryBytes?: number): UnitState => ({
  ...{ activeState, result, memoryBytes, mainPid: undefined },
});

/** systemd with one oneshot unit that works when it is started, and services that do as `after` says. */
class Bench implements AsyncDisposable {
  readonly root: string;
  readonly started: string[] = [];
  readonly states = new Map<string, UnitState>();
  /** What becomes of a service that is started. */
  after: UnitState[] = [state('activating'), state('active', 'success', 50_000_000)];
  helper: 'works' | 'fails' | 'deaf once' = 'works';
  addresses: Lookup = async (name) => {
    throw Object.assign(new Error('no'), { code: `ENOTFOUND ${name}` });
  };

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<Bench> {
    const root = await mkdtemp(join(tmpdir(), 'clock-runner-'));
    for (const path of ['run/clock-agent', 'run/systemd/system']) {
      await mkdir(join(root, path), { recursive: true });
    }
    return new Bench(root);
  }

  get units(): Units {
    return {
      start: async (name) => {
        this.started.push(name);
        if (name === UNITS) return this.#help();
        for (const next of this.after) this.states.set(name, next);
        await Promise.resolve();
      },
      stop: async (name) => void this.states.set(name, state('inactive')),
      state: async (name) => this.states.get(name) ?? state('inactive'),
    };
  }

  async #help(): Promise<void> {
    if (this.helper === 'fails') return void this.states.set(UNITS, state('failed', 'exit-code'));
    const isDeaf = this.helper === 'deaf once' && this.started.length === 1;
    if (isDeaf) return;
    const machine = realUnits(this.root, async () => {});
    const judgeBundle = () => ({ ok: true, sha256: 'f00' }) as const;
    await makeSandboxes({ machine, judgeBundle, log: createLog(() => {}) });
  }

  runner(bundle?: { readonly js: string; readonly jws: string }) {
    const { root, units } = this;
    return systemdRunner({
      root,
      units,
      clock: systemClock,
      bundle,
      lookup: async (name) => this.addresses(name),
    });
  }

  async read(path: string): Promise<string> {
    return readFile(join(this.root, 'run', path), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true });
  }
}

const serviceOf = (id: string, ...needs: Need[]): Prepared => ({
  ...{ id, interface: 'fias', memoryMb: 96, needs, settings: '{"a":1}', token: `token of ${id}` },
});

test('prepare() makes a sandbox with what was left for root, and takes the others away', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  const pbx = serviceOf('pbx', { need: 'connect', host: '10.1.2.3', port: 5_001 });
  assert.deepEqual(await runner.prepare([pbx, serviceOf('doors')]), new Map());
  assert.equal(await bench.read('clock-units/services/pbx/settings.json'), '{"a":1}');
  assert.equal(await bench.read('clock-units/services/doors/token'), 'token of doors');
  const folder = join(bench.root, 'run/clock-agent/services');
  assert.equal((await stat(folder)).mode & 0o777, 0o750);
  assert.equal((await stat(join(folder, 'pbx/token'))).mode & 0o777, 0o640);
  assert.deepEqual(await runner.prepare([pbx]), new Map());
  assert.deepEqual(await readdir(folder), ['pbx']);
  assert.deepEqual(await readdir(join(bench.root, 'run/clock-units/services')), ['pbx']);
});

test('prepare() hands on the package of a service, and no longer when it has none', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  const file = join(bench.root, 'interface.js');
  await writeFile(file, 'code');
  await runner.prepare([{ ...serviceOf('pbx'), package: { file, jws: 'a.b.c' } }]);
  assert.equal(await bench.read('clock-units/services/pbx/package.js'), 'code');
  assert.equal(await bench.read('clock-units/services/pbx/package.jws'), 'a.b.c');
  const left = join(bench.root, 'run/clock-agent/services/pbx');
  assert.equal((await stat(join(left, 'package.js'))).mode & 0o777, 0o640);
  await runner.prepare([serviceOf('pbx')]);
  assert.deepEqual((await readdir(left)).toSorted(), ['settings.json', 'token']);
  await assert.rejects(bench.read('clock-units/services/pbx/package.jws'), /ENOENT/);
});

test('a unit without services never starts the helper; one that had some takes them back', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  await runner.prepare([]);
  assert.deepEqual(bench.started, []);
  await runner.prepare([serviceOf('pbx')]);
  await runner.prepare([]);
  assert.deepEqual(await readdir(join(bench.root, 'run/clock-units/services')), []);
});

test('prepare() says of each refused service which need, and prepares the others', async () => {
  await using bench = await Bench.open();
  const refused = await bench
    .runner()
    .prepare([
      serviceOf('pbx'),
      serviceOf('outside', { need: 'connect', host: '8.8.8.8', port: 443 }),
      serviceOf('low', { need: 'listen', port: 80, from: ['10.0.0.0/8'] }),
      serviceOf('Bad/..'),
    ]);
  assert.deepEqual(
    [...refused],
    [
      ['Bad/..', 'not a service id'],
      ['outside', 'needs.0.addresses.0: not an address of a local network'],
      ['low', 'needs.0.port: below 1024'],
    ],
  );
});

test('names become local addresses; a name server that is away takes down nothing it once knew', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  const pbx = serviceOf('pbx', { need: 'connect', host: 'pbx.lan', port: 5_001 });
  const other = serviceOf('other', { need: 'connect', host: 'other.lan', port: 1 });
  bench.addresses = async (name) => (name === 'pbx.lan' ? ['10.0.0.9', '8.8.8.8'] : ['8.8.8.8']);
  assert.deepEqual(
    await runner.prepare([pbx, other]),
    new Map([['other', 'other.lan is not in the local network']]),
  );
  assert.match(await bench.read('clock-units/services/pbx/hosts'), /^10\.0\.0\.9 pbx\.lan$/m);
  bench.addresses = async () => {
    throw Object.assign(new Error('no'), { code: 'EAI_AGAIN' });
  };
  assert.deepEqual(
    await runner.prepare([pbx, other]),
    new Map([['other', 'other.lan has no address: EAI_AGAIN']]),
  );
  assert.doesNotMatch(await bench.read('clock-units/services/pbx/hosts'), /8\.8\.8\.8/);
});

test('asked for the same again, root does nothing; a name that came or changed is another thing', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  const pbx = serviceOf('pbx', { need: 'connect', host: 'pbx.lan', port: 5_001 });
  assert.equal((await runner.prepare([pbx])).size, 1);
  assert.equal((await runner.prepare([pbx])).size, 1);
  assert.equal(bench.started.length, 1);
  for (const [at, address] of ['10.0.0.9', '10.0.0.8'].entries()) {
    bench.addresses = async () => [address];
    for (const turn of [1, 2]) assert.equal((await runner.prepare([pbx])).size, 0, `turn ${turn}`);
    assert.equal(bench.started.length, 2 + at);
  }
  await runner.prepare([{ ...pbx, token: 'other' }]);
  assert.equal(bench.started.length, 4);
});

test("services run the bundle that the agent runs, and the root's again when it does", async () => {
  await using bench = await Bench.open();
  const files = { js: join(bench.root, 'a.js'), jws: join(bench.root, 'a.jws') };
  await writeFile(files.js, 'the bundle');
  await writeFile(files.jws, 'signed');
  await bench.runner(files).prepare([serviceOf('pbx')]);
  assert.equal(await bench.read('clock-units/agent.js'), 'the bundle');
  const dropIn = 'systemd/system/clock-service@pbx.service.d/50-needs.conf';
  const bound = /^BindReadOnlyPaths=\/run\/clock-units\/agent\.js:\/usr\/lib\/clock\/agent\.js$/m;
  assert.match(await bench.read(dropIn), bound);
  await bench.runner().prepare([serviceOf('pbx')]);
  assert.doesNotMatch(await bench.read(dropIn), bound);
});

test('prepare() asks again when the helper was just ending, and rejects when it fails', async () => {
  await using bench = await Bench.open();
  bench.helper = 'deaf once';
  assert.deepEqual(await bench.runner().prepare([serviceOf('pbx')]), new Map());
  assert.deepEqual(bench.started, [UNITS, UNITS]);
  bench.helper = 'fails';
  await assert.rejects(
    bench.runner().prepare([serviceOf('pbx')]),
    /clock-units\.service: exit-code/,
  );
});

test('two that prepare at once are answered one after the other', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  const [first, second] = await Promise.all([
    runner.prepare([serviceOf('pbx')]),
    runner.prepare([serviceOf('doors')]),
  ]);
  assert.equal(first.size + second.size, 0);
  assert.deepEqual(await readdir(join(bench.root, 'run/clock-units/services')), ['doors']);
});

test('a process is started, seen and stopped; one that fails says how', async () => {
  await using bench = await Bench.open();
  const runner = bench.runner();
  await runner.start('pbx');
  assert.deepEqual(bench.started, ['clock-service@pbx.service']);
  assert.deepEqual(await runner.status('pbx'), { at: 'running', memoryBytes: 50_000_000 });
  await runner.stop('pbx');
  assert.deepEqual(await runner.status('pbx'), { at: 'stopped' });
  bench.after = [state('failed', 'oom-kill')];
  await assert.rejects(runner.start('pbx'), /oom-kill/);
  assert.deepEqual(await runner.status('pbx'), { at: 'failed', why: 'oom-kill' });
  bench.after = [state('inactive')];
  await assert.rejects(runner.start('pbx'), /no sandbox/);
  await assert.rejects(runner.start('x.service --now'), /not a service id/);
});
