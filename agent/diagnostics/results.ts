// The vocabulary of the checks: which there are, what depends on what, what a result is.
// Texts for people are in page/texts/; how a check measures is in checks/.

export const GROUPS = ['network', 'cloud', 'unit'] as const;
export type Group = (typeof GROUPS)[number];

/** In the order of the product description: network and firewall first, then the unit itself. */
export const CHECK_IDS = [
  'link',
  'dhcp',
  'gateway',
  'dns',
  'ntp',
  'subnet',
  'portal',
  'clock-443',
  'aws-443',
  'aws-8443',
  'aws-8883',
  'tls',
  'clock-80',
  'clock-22',
  'gems-5000',
  'connection',
  'pairing',
  'pms',
  'time',
  'settings',
  'seal',
  'storage',
  'outbox',
  'memory',
  'cgroup',
  'temperature',
  'voltage',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

interface Row {
  readonly group: Group;
  /** Is measured once these have ended. */
  readonly after: readonly CheckId[];
  /** If one of these failed, a failure here is its consequence: "not checked: needs …". */
  readonly blames: readonly CheckId[];
}

const path: readonly CheckId[] = ['link', 'dhcp', 'gateway'];
const cloud: Row = { group: 'cloud', after: ['dns', 'gateway'], blames: path };
const unit: Row = { group: 'unit', after: [], blames: [] };

export const CHECKS: Readonly<Record<CheckId, Row>> = {
  link: { group: 'network', after: [], blames: [] },
  dhcp: { group: 'network', after: ['link'], blames: ['link'] },
  gateway: { group: 'network', after: ['dhcp'], blames: ['link', 'dhcp'] },
  dns: { group: 'network', after: ['gateway'], blames: path },
  ntp: { group: 'network', after: ['dns'], blames: path },
  subnet: { group: 'network', after: ['dhcp'], blames: [] },
  portal: { group: 'network', after: ['clock-80'], blames: path },
  'clock-443': cloud,
  'aws-443': cloud,
  'aws-8443': cloud,
  'aws-8883': cloud,
  tls: {
    group: 'cloud',
    after: ['clock-443', 'aws-443', 'aws-8443', 'aws-8883', 'time'],
    blames: path,
  },
  'clock-80': cloud,
  'clock-22': cloud,
  'gems-5000': cloud,
  connection: {
    group: 'cloud',
    after: ['tls', 'outbox'],
    blames: [...path, 'dns', 'time', 'aws-8883', 'aws-443', 'tls', 'outbox'],
  },
  pms: {
    group: 'cloud',
    after: ['pairing', 'clock-443'],
    blames: [...path, 'dns', 'clock-443', 'pairing'],
  },
  pairing: { group: 'cloud', after: ['connection', 'outbox'], blames: ['connection', 'outbox'] },
  // An unset clock behind blocked time servers is theirs to mend.
  time: { group: 'unit', after: ['ntp'], blames: [...path, 'ntp'] },
  settings: unit,
  seal: unit,
  storage: unit,
  outbox: { group: 'unit', after: ['storage'], blames: ['storage'] },
  memory: unit,
  cgroup: unit,
  temperature: unit,
  voltage: unit,
};

/** Who must act when a check fails. */
export type Who = 'installer' | 'network' | 'support';

/** Every remedy, and whose it is. */
export const REMEDIES = {
  cable: 'installer',
  dhcp: 'network',
  gateway: 'network',
  dns: 'network',
  ntp: 'network',
  'ntp-offset': 'network',
  portal: 'network',
  port: 'network',
  proxy: 'network',
  interception: 'network',
  alpn: 'network',
  claim: 'support',
  certificate: 'support',
  renewal: 'support',
  'publish-only': 'network',
  connection: 'support',
  pairing: 'installer',
  record: 'support',
  'pms-key': 'support',
  'pms-right': 'support',
  'pms-banned': 'support',
  pms: 'support',
  outbox: 'support',
  time: 'support',
  'card-full': 'support',
  'card-dead': 'support',
  'card-slow': 'support',
  memory: 'support',
  cgroup: 'support',
  heat: 'installer',
  power: 'installer',
  seal: 'support',
  serial: 'support',
  endpoints: 'support',
  roots: 'support',
  fault: 'support',
} as const satisfies Readonly<Record<string, Who>>;
export type Remedy = keyof typeof REMEDIES;

/** Every sentence that a measurement can say; the words are in page/texts/. */
const NOTES = [
  'port-up',
  'port-up-speed',
  'port-down',
  'no-port',
  'lease',
  'lease-from',
  'no-lease',
  'own-address',
  'no-networkd',
  'gateway-answers',
  'gateway-silent',
  'no-gateway',
  'subnet-free',
  'subnet-clash',
  'name-found',
  'name-missing',
  'name-servers',
  'ntp-offset',
  'host-silent',
  'http-fine',
  'http-login',
  'http-redirect',
  'port-open',
  'port-asks',
  'port-closed',
  'tls-refused',
  'tls-alert',
  'tls-trusted',
  'tls-untrusted',
  'tls-no-alpn',
  'tls-clock',
  'cloud-not-here',
  'claim-missing',
  'provisioning-key',
  'provisioning-certificate',
  'provisioning-registration',
  'provisioning-connection',
  'provisioning-clean-up',
  'cloud-problem',
  'cloud-up',
  'cloud-publish-only',
  'cloud-dialling',
  'paired',
  'not-paired',
  'record-problem',
  'pms-reached',
  'pms-problem',
  'renewal-failing',
  'outbox-closed',
  'outbox-tight',
  'outbox-slow',
  'outbox-not-stored',
  'outbox-waiting',
  'outbox-dead',
  'outbox-dropped',
  'unit-time',
  'time-set',
  'time-not-set',
  'time-before-build',
  'no-timesyncd',
  'serial-problem',
  'release-problem',
  'endpoints-problem',
  'endpoints-built-in',
  'endpoints-override',
  'extra-roots',
  'seal-card',
  'seal-board',
  'seal-otp',
  'seal-tpm2',
  'seal-unknown',
  'free-of',
  'write-took',
  'write-failed',
  'cgroup-on',
  'cgroup-off',
  'celsius',
  'voltage-good',
  'voltage-low',
  'no-sensor',
  'not-visible',
  'fault',
] as const;
export type NoteKey = (typeof NOTES)[number];

export type Values = Readonly<Record<string, string | number>>;
/** One thing that was measured: a sentence's key and its values. */
export interface Note {
  readonly say: NoteKey;
  readonly values: Values;
}

/** What a check found. A failure without a remedy does not compile. */
export type Outcome =
  | { readonly state: 'passed' | 'not-needed'; readonly notes: readonly Note[] }
  | {
      readonly state: 'failed' | 'warning';
      readonly notes: readonly Note[];
      readonly remedy: Remedy;
      readonly values?: Values;
    }
  | { readonly state: 'not-checked'; readonly notes: readonly Note[]; readonly needs?: CheckId };
export type CheckState = Outcome['state'] | 'running';

/** Worst first. */
const STATES = [
  'failed',
  'warning',
  'running',
  'not-checked',
  'not-needed',
  'passed',
] as const satisfies readonly CheckState[];

/** A check as others see it; times are ages, since the unit's clock may jump. */
export interface CheckView {
  readonly id: CheckId;
  /** `running` only until the first outcome; later the last outcome stays in view. */
  readonly outcome: Outcome | { readonly state: 'running'; readonly notes: readonly Note[] };
  readonly measuredMsAgo: number | undefined;
  readonly passedMsAgo: number | undefined;
}

/** Views with the worst first, otherwise in the order of the description. */
export function worstFirst(views: readonly CheckView[]): CheckView[] {
  return [...views].sort(
    (a, b) =>
      STATES.indexOf(a.outcome.state) - STATES.indexOf(b.outcome.state) ||
      CHECK_IDS.indexOf(a.id) - CHECK_IDS.indexOf(b.id),
  );
}

/** The unit in one word: is there something to do? */
export function verdictOf(
  views: readonly CheckView[],
): 'failed' | 'warning' | 'running' | 'passed' {
  const states = new Set(views.map(({ outcome }) => outcome.state));
  if (states.has('failed')) return 'failed';
  if (states.has('running')) return 'running';
  return states.has('warning') ? 'warning' : 'passed';
}
