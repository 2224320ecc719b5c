// What an account's owner does in Clock PMS+, played on the double: enters the code that a unit shows,
// and gives commands. The account is invented, unless a test has one.
import { randomUUID } from 'node:crypto';
import type { Cloud } from './api.ts';

/** What clients said, as parsed; what is none of the unit's messages is left out. */
export interface Heard {
  readonly thing: string;
  readonly direction: string;
  readonly service: string;
  readonly at: string;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Oldest first. */
export function heard(cloud: Cloud): readonly Heard[] {
  return cloud.messages('clock/v1/+/+/+').flatMap(({ topic, payload }) => {
    const [, , thing = '', direction = '', service = ''] = topic.split('/');
    try {
      const message = JSON.parse(payload.toString()) as Omit<Heard, 'thing'>;
      const { at, kind, body } = message;
      return { thing, direction, service, at, kind, body };
    } catch {
      return [];
    }
  });
}

const plain = (code: string): string => code.replaceAll(/[\s-]/g, '').toUpperCase();

/** As a unit is paired with it. */
export interface Account {
  readonly kind: 'pms' | 'pos';
  readonly host: string;
  readonly subscriptionId: number;
  readonly accountId: number;
  readonly apiUser: string;
  readonly apiKey: string;
}

/** Its host exists nowhere. */
const invented = (): Account => ({
  ...{ kind: 'pms', host: 'sky-eu1.clock-software.test', subscriptionId: 1, accountId: 1 },
  ...{ apiUser: 'clock-iot', apiKey: randomUUID() },
});

/** Assigns an account to the unit that shows this code: the command's id, or undefined if none does. */
export function enterCode(
  cloud: Cloud,
  typed: string,
  account: Account = invented(),
): { thing: string; id: string } | undefined {
  const shown = heard(cloud).findLast(
    ({ kind, body }) => kind === 'pairing.code' && body['code'] === plain(typed),
  );
  if (shown === undefined) return undefined;
  const { thing } = shown;
  return {
    thing,
    id: order(cloud, thing, { kind: 'pairing.assign', body: { code: plain(typed), account } }),
  };
}

/** A command to the unit itself; its id. */
export function order(
  cloud: Cloud,
  thing: string,
  { kind, body = {} }: { readonly kind: string; readonly body?: object },
): string {
  const id = randomUUID();
  const at = new Date().toISOString();
  cloud.publish(`clock/v1/${thing}/command/unit`, { v: 1, id, at, service: 'unit', kind, body });
  return id;
}
