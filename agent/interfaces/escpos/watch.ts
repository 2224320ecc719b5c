// How the printers are: looked at now and then, told when it changes, and whether any of them is there.
import { codeOf } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { EscposSettings, Printer } from './config.ts';
import type { Look } from './print.ts';

export interface Watch {
  /** A job has seen it. */
  saw(printer: Printer, look: Look): void;
  close(): void;
}

/** As the event has them; undefined: nothing to say of it. */
function problemsIn(look: Look): readonly string[] | undefined {
  switch (look.is) {
    case 'there':
      return look.problems;
    case 'unasked':
      return [];
    case 'silent':
      // Another one prints.
      return undefined;
    case 'away':
      return look.code === 'aborted' ? undefined : ['not-reached'];
  }
}

export function createWatch(
  { printers, watchSeconds }: EscposSettings,
  host: ServiceHost,
  { look }: { readonly look: (printer: Printer) => Promise<Look> },
): Watch {
  const known = new Map<string, readonly string[]>();
  let isClosed = false;

  const talk = (): void => {
    const away = printers.filter(({ name }) => known.get(name)?.includes('not-reached') === true);
    const there = known.size - away.length;
    const names = away.map(({ name }) => name).join(', ');
    if (there === 0) {
      const why = away.length === 0 ? 'no printer was looked at' : `not reached: ${names}`;
      return host.talk({ at: 'down', why });
    }
    const all = `${there} of ${printers.length} printers`;
    return host.talk({ at: 'up', with: away.length === 0 ? all : `${all}; not reached: ${names}` });
  };
  const saw = ({ name }: Printer, seen: Look): void => {
    const problems = problemsIn(seen);
    if (problems === undefined || isClosed) return;
    const before = known.get(name);
    const isNew = before === undefined || before.join() !== problems.join();
    known.set(name, problems);
    if (!isNew) return;
    talk();
    host.trace('note', `${name}: ${problems.join(', ') || 'well'}`);
    // That it is well is news only after it was not.
    if (before === undefined && problems.length === 0) return;
    host.emit({ kind: 'device.status', device: name, problems }).catch((error: unknown) => {
      host.log.warning(`escpos: not told: ${codeOf(error)}`);
      // Told again when it is next looked at.
      known.delete(name);
    });
  };
  const lookAtAll = async (): Promise<void> => {
    for (const printer of printers) {
      if (isClosed) return;
      saw(printer, await look(printer));
    }
  };
  let looking: Promise<void> | undefined;
  const lookAgain = (): void => {
    looking ??= lookAtAll().finally(() => (looking = undefined));
  };
  host.talk({ at: 'joining', with: `${printers.length} printers` });
  const first = watchSeconds === 0 ? undefined : setImmediate(lookAgain);
  const timer = watchSeconds === 0 ? undefined : setInterval(lookAgain, watchSeconds * 1_000);
  return {
    saw,
    close: () => {
      isClosed = true;
      clearImmediate(first);
      clearInterval(timer);
    },
  };
}
