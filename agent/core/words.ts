// What an interface calls itself, its tests' steps and its counters, in the languages of the page: in `texts.ts` of each,
// and here what several have. A signed package brings English only: its manifest has one title. Pure.
export const LANGUAGES = ['en', 'de', 'bg', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];
export type Words = Readonly<Record<Language, string>>;

export interface InterfaceTexts {
  readonly title: Words;
  /** By the step's name as the test gives it. */
  readonly steps: Readonly<Record<string, Words>>;
  /** By the name that is counted. */
  readonly counters: Readonly<Record<string, Words>>;
}

/** In the order of the languages: a table that can be read across. */
export const words = (en: string, de: string, bg: string, fr: string): Words => ({
  ...{ en, de, bg, fr },
});

/** Of each interface; `why` as an order's outcome has it. */
const orders = (why: string, de: string, bg: string, fr: string): Words =>
  words(`orders ${why}`, `Aufträge ${de}`, `поръчки ${bg}`, `ordres ${fr}`);

const COMMON: Omit<InterfaceTexts, 'title'> = {
  steps: {
    connect: words('Connection', 'Verbindung', 'Връзка', 'Connexion'),
    Connection: words('Connection', 'Verbindung', 'Връзка', 'Connexion'),
    answer: words('Answer', 'Antwort', 'Отговор', 'Réponse'),
    printer: words('Printer', 'Drucker', 'Принтер', 'Imprimante'),
    state: words('State', 'Zustand', 'Състояние', 'État'),
    test: words('Test', 'Prüfung', 'Проверка', 'Essai'),
  },
  counters: {
    orders: words('orders', 'Aufträge', 'поръчки', 'ordres'),
    'orders-offline': orders('while away', 'ohne Verbindung', 'без връзка', 'hors ligne'),
    'orders-busy': orders('while busy', 'bei Besetzt', 'при заето', 'si occupé'),
    'orders-refused': orders('refused', 'abgelehnt', 'отказани', 'refusés'),
    'orders-expired': orders('too late', 'zu spät', 'закъснели', 'trop tardifs'),
    'orders-unsupported': orders('not possible', 'nicht möglich', 'невъзможни', 'impossibles'),
    'orders-wrong': orders('with faults', 'fehlerhaft', 'с грешки', 'erronés'),
    'orders-unknown': orders('unknown', 'ungewiss', 'с неизвестен изход', 'incertains'),
    events: words('events', 'Ereignisse', 'събития', 'événements'),
    repeats: words('repeats', 'Wiederholungen', 'повторения', 'répétitions'),
    refused: words('refused', 'abgelehnt', 'отказани', 'refusés'),
    calls: words('calls', 'Gespräche', 'разговори', 'appels'),
    'not understood': words('not understood', 'unverständlich', 'неразбрани', 'incompris'),
    'left out': words('left out', 'ausgelassen', 'пропуснати', 'omis'),
    receipts: words('receipts', 'Belege', 'бонове', 'tickets'),
    'not-printed': words('not printed', 'nicht gedruckt', 'неотпечатани', 'non imprimés'),
    unknown: words('outcome unknown', 'Ausgang unbekannt', 'неизвестен изход', 'issue inconnue'),
    reports: words('reports', 'Berichte', 'отчети', 'rapports'),
  },
};

/** As it is, where nobody has words: a printer's own name, a package's step. */
export const stepIn = (texts: InterfaceTexts | undefined, step: string, to: Language): string =>
  found('steps', { texts, name: step })?.[to] ?? step;

export const counterIn = (texts: InterfaceTexts | undefined, name: string, to: Language): string =>
  found('counters', { texts, name })?.[to] ?? name;

function found(
  table: 'steps' | 'counters',
  { texts, name }: { readonly texts: InterfaceTexts | undefined; readonly name: string },
): Words | undefined {
  // Also a package's: what several have is called the same.
  for (const one of [texts?.[table], COMMON[table]]) {
    if (one !== undefined && Object.hasOwn(one, name)) return one[name];
  }
  return undefined;
}
