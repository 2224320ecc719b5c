// What every language must say: the type of the texts. Words in {braces} are filled in.
import type { PackageTexts } from './packages.ts';
import type { ServiceTexts } from './services.ts';
import type { ProvisioningStep, RecentWork } from '../../core/cloud.ts';
import type {
  CheckId,
  CheckState,
  Group,
  NoteKey,
  Remedy,
  Who,
} from '../../diagnostics/results.ts';

export { LANGUAGES } from '../../core/words.ts';
export type { Language } from '../../core/words.ts';

export interface Texts {
  /** The language's own name. */
  readonly name: string;
  readonly title: string;
  /** The verdict in one sentence, and what follows from it in a second. */
  readonly verdict: {
    readonly passed: string;
    readonly warningOne: string;
    readonly warningMany: string;
    readonly failedOne: string;
    readonly failedMany: string;
    readonly running: string;
    readonly passedMore: string;
    readonly warningMore: string;
    readonly failedMore: string;
    readonly runningMore: string;
  };
  readonly notices: {
    readonly override: string;
    readonly overrideInvalid: string;
    readonly roots: string;
    readonly ports: string;
    readonly noSerial: string;
  };
  readonly buttons: {
    readonly again: string;
    readonly busy: string;
    readonly identify: string;
    readonly report: string;
  };
  readonly light: {
    readonly blinking: string;
    readonly asked: string;
    readonly refused: string;
  };
  readonly words: {
    readonly todo: string;
    readonly who: string;
    readonly measured: string;
    readonly needs: string;
    readonly lastPassed: string;
    readonly neverPassed: string;
    readonly checked: string;
    readonly unit: string;
    readonly serial: string;
    readonly hostName: string;
    readonly address: string;
    readonly mac: string;
    readonly release: string;
    readonly region: string;
    readonly noAddress: string;
    readonly language: string;
    readonly toDo: string;
    readonly description: string;
    readonly provisioning: string;
    readonly connection: string;
    readonly lastProblem: string;
    readonly queue: string;
    readonly oldest: string;
    readonly account: string;
    readonly noAccount: string;
    readonly commands: string;
    readonly hotel: string;
    readonly jobs: string;
  };
  /** The cloud connection as it is now. */
  readonly steps: Readonly<Record<ProvisioningStep, string>>;
  readonly link: Readonly<Record<'off' | 'waiting' | 'dialling' | 'up' | 'publishOnly', string>>;
  /** Whose unit it is. */
  readonly pairing: {
    readonly ask: string;
    readonly hint: string;
    readonly paused: string;
    readonly later: string;
    readonly record: string;
    readonly code: string;
  };
  /** What has become of commands and jobs. */
  readonly work: Readonly<Record<WorkState, string>>;
  readonly who: Readonly<Record<Who, string>>;
  readonly groups: Readonly<Record<Group, string>>;
  readonly states: Readonly<Record<CheckState, string>>;
  readonly checks: Readonly<Record<CheckId, string>>;
  readonly remedies: Readonly<Record<Remedy, string>>;
  readonly notes: Readonly<Record<NoteKey, string>>;
  /** Error codes of the system in words; others are shown as they are. */
  readonly why: Readonly<Record<WhyKey, string>>;
  /** The systems in the hotel. */
  readonly services: ServiceTexts;
  /** Interfaces that came as packages. */
  readonly packages: PackageTexts;
}

type WorkState = RecentWork['commands'][number]['state'] | RecentWork['jobs'][number]['state'];

export type WhyKey =
  /** systemd's results of a service's process. */
  | 'exit-code'
  | 'oom-kill'
  | 'watchdog'
  | 'signal'
  | 'core-dump'
  | 'ETIMEDOUT'
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'ENOTFOUND'
  | 'ETIMEOUT'
  | 'ESERVFAIL'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_HAS_EXPIRED'
  | 'UNTRUSTED'
  | 'ERR_TLS_CERT_ALTNAME_INVALID'
  | 'NO_SYSTEMD'
  | 'ENOSPC'
  | 'EROFS'
  | 'EIO'
  | 'CLOSED'
  | 'NO_ALPN'
  | 'REFUSED';
