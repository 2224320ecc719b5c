// Compares, to the last room and cent: the PMS, the exchange's table, the lock system, and the unit's own house and
// ledger. Everything it is given is data; what it finds are differences for a person.

export interface Difference {
  readonly where: string;
  readonly what: string;
}

/** Something to pay for. `to`: the booking, or the telephone that was used. */
export interface Item {
  readonly is: 'charge' | 'call';
  readonly to: string;
  /** Of one. */
  readonly cents: number;
  readonly quantity: number;
}

export const nameOf = ({ is, to, cents, quantity }: Item): string =>
  `${is} to ${to}: ${quantity} x ${cents}`;

/** How often each is there. */
function counted(items: readonly Item[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
  return counts;
}

/**
 * `taken`: the unit said yes. Each is in the PMS once; one that is `unknown` may be there or not, one that is `rejected`
 * is not, which only a guest who `hasLeft` meanwhile excuses; and nothing else is there.
 */
export function compareMoney(given: {
  readonly taken: readonly Item[];
  readonly inPms: readonly Item[];
  readonly unknown: readonly Item[];
  readonly rejected: readonly Item[];
  readonly hasLeft: (item: Item) => boolean;
}): readonly Difference[] {
  const [taken, there] = [counted(given.taken), counted(given.inPms)];
  const [unknown, rejected] = [counted(given.unknown), counted(given.rejected)];
  const inVain = given.rejected.filter((item) => !given.hasLeft(item));
  const refused = inVain.map((item) => ({
    where: 'charges',
    what: `${nameOf(item)}: the PMS rejected it`,
  }));
  const counts = [...new Set([...taken.keys(), ...there.keys()])].flatMap((name) => {
    const most = (taken.get(name) ?? 0) - (rejected.get(name) ?? 0);
    const least = most - (unknown.get(name) ?? 0);
    const count = there.get(name) ?? 0;
    if (count >= least && count <= most) return [];
    const expected = least === most ? `${most}` : `${least} to ${most}`;
    return [{ where: 'charges', what: `${name}: ${count} times in the PMS, expected ${expected}` }];
  });
  return [...refused, ...counts];
}

/** Room -> who is there, each as a text. */
export type Rooms = ReadonlyMap<string, readonly string[]>;

/** `seen` as `where` has it, against the PMS. */
export function compareRooms(where: string, pms: Rooms, seen: Rooms): readonly Difference[] {
  return [...new Set([...pms.keys(), ...seen.keys()])].toSorted().flatMap((room) => {
    const [should, is] = [pms.get(room) ?? [], seen.get(room) ?? []].map((all) =>
      all.toSorted().join(' + '),
    );
    if (should === is) return [];
    return [{ where, what: `room ${room}: "${is}", in the PMS "${should}"` }];
  });
}

export interface Key {
  readonly id: number;
  /** As the lock system calls the room. */
  readonly door: string;
  readonly issuedAt: string | null;
  readonly errorText: string | null;
  readonly deleteRequestedAt: string | null;
  readonly deletedAt: string | null;
}

/** Nobody knows whether there is a card, or the card was made and the unit could not hear of it. */
const isUncertain = ({ errorText }: Key): boolean => /not known|restarted/.test(errorText ?? '');

export function compareKeys(given: {
  readonly keys: readonly Key[];
  /** Cards that were made for a door, and whether one of them opens it now. */
  readonly cards: ReadonlyMap<string, { readonly made: number; readonly isOpening: boolean }>;
}): readonly Difference[] {
  const found: Difference[] = [];
  const say = (what: string): void => void found.push({ where: 'keys', what });
  for (const key of given.keys) {
    const isAnswered = [key.issuedAt, key.errorText, key.deletedAt].some((one) => Boolean(one));
    if (!isAnswered) say(`key ${key.id}: neither issued_at nor error_text`);
    const isStanding = key.deleteRequestedAt !== null && key.deletedAt === null && !key.errorText;
    if (isStanding) say(`key ${key.id}: to be deleted, and neither deleted_at nor error_text`);
  }
  for (const [door, keys] of Map.groupBy(given.keys, (key) => key.door)) {
    const { made, isOpening } = given.cards.get(door) ?? { made: 0, isOpening: false };
    const issued = keys.filter(({ issuedAt }) => issuedAt !== null);
    const most = issued.length + keys.filter(isUncertain).length;
    if (made < issued.length || made > most) {
      say(`door ${door}: ${made} cards were made, and the PMS knows ${issued.length} of ${most}`);
    }
    const uncertain = keys.some((key) => isUncertain(key));
    const lastIssued =
      issued
        .map(({ issuedAt }) => issuedAt!)
        .toSorted()
        .at(-1) ?? '';
    const lastDeleted =
      issued
        .map(({ deletedAt }) => deletedAt ?? '')
        .toSorted()
        .at(-1) ?? '';
    // Of the same second nobody can tell.
    const isClear = lastIssued.slice(0, 19) !== lastDeleted.slice(0, 19);
    const shouldOpen = lastIssued > lastDeleted;
    if (!uncertain && isClear && shouldOpen !== isOpening) {
      say(`door ${door}: ${isOpening ? 'a' : 'no'} card opens it, and the PMS thinks otherwise`);
    }
  }
  for (const [door, { made }] of given.cards) {
    if (!given.keys.some((key) => key.door === door)) say(`door ${door}: ${made} cards too many`);
  }
  return found;
}
