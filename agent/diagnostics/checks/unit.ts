// The checks of the unit itself: time, settings, card, memory, heat, power.
import { notChecked, note, passed } from './facts.ts';
import type { Check } from './facts.ts';
import type { Note } from '../results.ts';

const MIB = 1024 * 1024;
/** Queue, packages and an update's manifest fit; below it events may be lost. */
const FREE_BYTES_MIN = 64 * MIB;
/** A healthy card writes 4 KiB within milliseconds and stalls for up to a second now and then. */
const WRITE_MS_MAX = 2_000;
/** A twentieth free keeps the kernel from dropping the programs it runs. */
const MEMORY_SHARE_MIN = 0.05;
/** The Pi slows itself down from 80 °C on. */
const CELSIUS_MAX = 80;
const SEALS = ['board', 'otp', 'tpm2'] as const;

const time: Check = async ({ machine, clock, settings }, facts) => {
  const synchronised = await machine.timeSynchronised();
  facts.timeSynchronised = synchronised;
  const now = note('unit-time', { utc: new Date(clock.wallMs()).toISOString().slice(0, 19) });
  if (synchronised === undefined) return notChecked(note('no-timesyncd'), now);
  if (synchronised) return passed(note('time-set'), now);
  const isOld = settings.builtMs !== undefined && clock.wallMs() < settings.builtMs;
  const notes = [note(isOld ? 'time-before-build' : 'time-not-set'), now];
  return { state: 'failed', notes, remedy: 'time' };
};

const settings: Check = async ({ settings }) => {
  const { serialProblem, releaseProblem, endpointsProblem, endpoints, extraRoots } = settings;
  const region = endpoints?.region ?? '?';
  const notes: Note[] = [];
  if (serialProblem !== undefined) notes.push(note('serial-problem', { why: serialProblem }));
  if (releaseProblem !== undefined) notes.push(note('release-problem', { why: releaseProblem }));
  if (endpointsProblem !== undefined) {
    notes.push(note('endpoints-problem', { why: endpointsProblem }));
  }
  if (endpoints !== undefined) {
    notes.push(note(`endpoints-${settings.endpointsFrom}`, { region }));
  }
  if (extraRoots > 0) notes.push(note('extra-roots', { count: extraRoots }));
  if (serialProblem !== undefined || releaseProblem !== undefined) {
    return { state: 'failed', notes, remedy: 'serial' };
  }
  if (endpointsProblem !== undefined) return { state: 'failed', notes, remedy: 'endpoints' };
  return extraRoots > 0 ? { state: 'warning', notes, remedy: 'roots' } : passed(...notes);
};

const seal: Check = async ({ settings }) => {
  const { seal } = settings;
  if (seal === undefined) return notChecked(note('not-visible'));
  const known = SEALS.find((name) => name === seal);
  if (known !== undefined) return passed(note(`seal-${known}`));
  const notes = [seal === 'card' ? note('seal-card') : note('seal-unknown', { seal })];
  return { state: 'warning', notes, remedy: 'seal' };
};

const storage: Check = async ({ machine }) => {
  const { freeBytes, totalBytes } = await machine.storage();
  const space = note('free-of', { free: mib(freeBytes), total: mib(totalBytes) });
  const written = await machine.probeWrite();
  if ('why' in written) {
    const notes = [space, note('write-failed', { why: written.why })];
    // A person who runs `diagnose` by hand may have no right to write there.
    if (written.why === 'EACCES' || written.why === 'EPERM') return notChecked(...notes);
    return { state: 'failed', notes, remedy: written.why === 'ENOSPC' ? 'card-full' : 'card-dead' };
  }
  const notes = [space, note('write-took', { ms: Math.round(written.ms) })];
  if (freeBytes < FREE_BYTES_MIN) return { state: 'failed', notes, remedy: 'card-full' };
  if (written.ms > WRITE_MS_MAX) return { state: 'warning', notes, remedy: 'card-slow' };
  return passed(...notes);
};

const memory: Check = async ({ machine }) => {
  const { availableBytes, totalBytes } = await machine.memory();
  const notes = [note('free-of', { free: mib(availableBytes), total: mib(totalBytes) })];
  if (availableBytes >= totalBytes * MEMORY_SHARE_MIN) return passed(...notes);
  return { state: 'warning', notes, remedy: 'memory' };
};

/** Without it the kernel ignores every service's memory limit, and says nothing. */
const cgroup: Check = async ({ machine }) => {
  const active = await machine.memoryController();
  if (active === undefined) return notChecked(note('not-visible'));
  if (active) return passed(note('cgroup-on'));
  return { state: 'failed', notes: [note('cgroup-off')], remedy: 'cgroup' };
};

const temperature: Check = async ({ machine }) => {
  const celsius = await machine.temperatureCelsius();
  if (celsius === undefined) return notChecked(note('no-sensor'));
  const notes = [note('celsius', { celsius: celsius.toFixed(1) })];
  if (celsius < CELSIUS_MAX) return passed(...notes);
  return { state: 'failed', notes, remedy: 'heat' };
};

const voltage: Check = async ({ machine }) => {
  const low = await machine.underVoltage();
  if (low === undefined) return notChecked(note('no-sensor'));
  if (!low) return passed(note('voltage-good'));
  return { state: 'failed', notes: [note('voltage-low')], remedy: 'power' };
};

const mib = (bytes: number): number => Math.round(bytes / MIB);

export const unitChecks = {
  time,
  settings,
  seal,
  storage,
  memory,
  cgroup,
  temperature,
  voltage,
};
