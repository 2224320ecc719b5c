// What the page says of the systems in the hotel, in each language.
import type { ProcessState } from '../../core/services.ts';

export interface ServiceTexts {
  readonly title: string;
  readonly none: string;
  readonly down: string;
  readonly process: Readonly<Record<ProcessState['at'], string>>;
  readonly talk: { readonly up: string; readonly joining: string; readonly down: string };
  readonly lastIn: string;
  readonly lastOut: string;
  readonly never: string;
  readonly reaches: string;
  readonly counted: string;
  readonly waiting: string;
  readonly dropped: string;
  readonly droppedMany: string;
  readonly began: string;
  readonly parked: string;
  readonly due: string;
  readonly restarts: string;
  readonly lastEnd: string;
  readonly memory: string;
  readonly memoryUsed: string;
  readonly memoryTight: string;
  readonly test: string;
  readonly rehearse: string;
  readonly trace: string;
  readonly tested: string;
  readonly rehearsed: string;
  readonly testing: string;
  readonly good: string;
  readonly bad: string;
  readonly house: string;
  readonly houseKnown: string;
  readonly houseUnknown: string;
  readonly charges: string;
  readonly chargesWaiting: string;
  readonly open: string;
  readonly remedies: Readonly<Record<ServiceRemedy, string>>;
  readonly who: { readonly clock: string; readonly vendor: string };
}
export type ServiceRemedy = 'settings' | 'parked' | 'listen' | 'connect' | 'device' | 'none';

const en: ServiceTexts = {
  title: 'Systems in the hotel',
  none: 'No system is set up on this unit yet. They are set up in Clock.',
  down: 'Systems in the hotel that do not work: {count}. What to do stands beside each.',
  process: {
    off: 'switched off',
    refused: 'cannot start',
    starting: 'is starting',
    running: 'runs',
    waiting: 'ended, starts again soon',
    parked: 'ended too often',
    testing: 'is being tested',
  },
  talk: { up: 'connected', joining: 'connected, not agreed yet', down: 'not connected' },
  lastIn: 'Last received',
  lastOut: 'Last sent',
  never: 'nothing since it started',
  reaches: 'May reach',
  counted: 'Counted',
  waiting: 'Waiting for it',
  dropped: 'Not kept',
  droppedMany: '{count}, the oldest of what it told while Clock could not be reached; no charges',
  began: 'Started',
  parked: 'Given up',
  due: 'Starts again',
  restarts: 'Ended by itself',
  lastEnd: 'the last {age}: {why}',
  memory: 'Memory',
  memoryUsed: '{used} of {most} MB',
  memoryTight: '{used} of {most} MB: nearly all, and what takes more is ended',
  test: 'Test connection',
  rehearse: 'Try with simulator',
  trace: 'Download trace',
  tested: 'Last test',
  rehearsed: 'Last try with the simulator',
  testing: 'under way',
  good: 'fine',
  bad: 'failed',
  house: 'House',
  houseKnown: 'rooms: {rooms}, guests: {guests}, as of {age}',
  houseUnknown: 'not known yet: Clock has not answered',
  charges: 'Charges',
  chargesWaiting: '{count} on the way to Clock',
  open: '{count} whose outcome is not known or which Clock refused: compare with the guest’s folio and tell Clock support',
  remedies: {
    settings: 'Correct the settings of this system in Clock. What is wrong: {why}',
    parked:
      'The unit has tried again and again ({why}) and tries once more within an hour. Download the trace and ask Clock support.',
    listen:
      'Is the system on, and set to connect to this unit’s address? May it, by the list in its settings ({reaches})?',
    connect:
      'Is the system on and in this network, and are address and port in its settings right ({reaches})? Reason: {why}',
    device: 'Is the cable or adapter plugged in ({reaches})? Reason: {why}',
    none: 'Press “Test connection”, and ask who looks after the system. Reason: {why}',
  },
  who: {
    clock: 'Who sets up Clock in the hotel',
    vendor: 'Who looks after this system',
  },
};

const de: ServiceTexts = {
  title: 'Systeme im Hotel',
  none: 'Auf diesem Gerät ist noch kein System eingerichtet. Das geschieht in Clock.',
  down: 'Systeme im Hotel, die nicht gehen: {count}. Was zu tun ist, steht bei jedem.',
  process: {
    off: 'ausgeschaltet',
    refused: 'kann nicht starten',
    starting: 'startet',
    running: 'läuft',
    waiting: 'beendet, startet gleich wieder',
    parked: 'zu oft beendet',
    testing: 'wird gerade geprüft',
  },
  talk: { up: 'verbunden', joining: 'verbunden, noch nicht einig', down: 'nicht verbunden' },
  lastIn: 'Zuletzt empfangen',
  lastOut: 'Zuletzt gesendet',
  never: 'nichts seit dem Start',
  reaches: 'Darf erreichen',
  counted: 'Gezählt',
  waiting: 'Wartet darauf',
  dropped: 'Nicht aufgehoben',
  droppedMany:
    '{count}, das Älteste von dem, was es meldete, während Clock nicht erreichbar war; keine Belastungen',
  began: 'Gestartet',
  parked: 'Aufgegeben',
  due: 'Startet wieder',
  restarts: 'Von selbst beendet',
  lastEnd: 'zuletzt {age}: {why}',
  memory: 'Speicher',
  memoryUsed: '{used} von {most} MB',
  memoryTight: '{used} von {most} MB: fast alles, und was mehr braucht, wird beendet',
  test: 'Verbindung prüfen',
  rehearse: 'Mit Simulator proben',
  trace: 'Mitschnitt herunterladen',
  tested: 'Letzte Prüfung',
  rehearsed: 'Letzte Probe mit dem Simulator',
  testing: 'läuft gerade',
  good: 'in Ordnung',
  bad: 'fehlgeschlagen',
  house: 'Haus',
  houseKnown: 'Zimmer: {rooms}, Gäste: {guests}, Stand {age}',
  houseUnknown: 'noch unbekannt: Clock hat nicht geantwortet',
  charges: 'Belastungen',
  chargesWaiting: '{count} unterwegs zu Clock',
  open: '{count} mit unbekanntem Ausgang oder von Clock abgelehnt: mit dem Gästekonto vergleichen und dem Clock-Support sagen',
  remedies: {
    settings: 'Die Einstellungen dieses Systems in Clock berichtigen. Falsch ist: {why}',
    parked:
      'Das Gerät hat es immer wieder versucht ({why}) und versucht es binnen einer Stunde erneut. Den Mitschnitt herunterladen und den Clock-Support fragen.',
    listen:
      'Ist das System eingeschaltet und so eingestellt, dass es sich mit der Adresse dieses Geräts verbindet? Darf es das nach der Liste in seinen Einstellungen ({reaches})?',
    connect:
      'Ist das System eingeschaltet und in diesem Netz, und stimmen Adresse und Port in seinen Einstellungen ({reaches})? Grund: {why}',
    device: 'Ist das Kabel oder der Adapter eingesteckt ({reaches})? Grund: {why}',
    none: '„Verbindung prüfen“ drücken und den Betreuer des Systems fragen. Grund: {why}',
  },
  who: {
    clock: 'Wer Clock im Hotel einrichtet',
    vendor: 'Wer dieses System betreut',
  },
};

const bg: ServiceTexts = {
  title: 'Системи в хотела',
  none: 'На това устройство още няма настроена система. Настройва се в Clock.',
  down: 'Системи в хотела, които не работят: {count}. Какво да се направи, пише при всяка.',
  process: {
    off: 'изключена',
    refused: 'не може да тръгне',
    starting: 'тръгва',
    running: 'работи',
    waiting: 'спря, скоро тръгва отново',
    parked: 'спира твърде често',
    testing: 'проверява се',
  },
  talk: { up: 'свързана', joining: 'свързана, още без съгласуване', down: 'не е свързана' },
  lastIn: 'Последно получено',
  lastOut: 'Последно изпратено',
  never: 'нищо от пускането',
  reaches: 'Може да достига',
  counted: 'Преброено',
  waiting: 'Чака за нея',
  dropped: 'Незапазени',
  droppedMany: '{count}, най-старото от съобщеното, докато Clock не беше достъпен; без начисления',
  began: 'Пусната',
  parked: 'Изоставена',
  due: 'Тръгва отново',
  restarts: 'Спряла сама',
  lastEnd: 'последно {age}: {why}',
  memory: 'Памет',
  memoryUsed: '{used} от {most} МБ',
  memoryTight: '{used} от {most} МБ: почти цялата, а което вземе повече, се спира',
  test: 'Проверка на връзката',
  rehearse: 'Опит със симулатор',
  trace: 'Изтегляне на записа',
  tested: 'Последна проверка',
  rehearsed: 'Последен опит със симулатора',
  testing: 'в ход',
  good: 'наред',
  bad: 'неуспешно',
  house: 'Хотел',
  houseKnown: 'стаи: {rooms}, гости: {guests}, към {age}',
  houseUnknown: 'още не е известно: Clock не е отговорил',
  charges: 'Начисления',
  chargesWaiting: '{count} на път към Clock',
  open: '{count} с неизвестен изход или отказани от Clock: сравнете със сметката на госта и кажете на поддръжката на Clock',
  remedies: {
    settings: 'Поправете настройките на тази система в Clock. Грешно е: {why}',
    parked:
      'Устройството опита много пъти ({why}) и ще опита пак до час. Изтеглете записа и попитайте поддръжката на Clock.',
    listen:
      'Включена ли е системата и настроена ли е да се свързва с адреса на това устройство? Позволено ли ѝ е от списъка в настройките ({reaches})?',
    connect:
      'Включена ли е системата и в тази мрежа ли е; верни ли са адресът и портът в настройките ({reaches})? Причина: {why}',
    device: 'Включен ли е кабелът или адаптерът ({reaches})? Причина: {why}',
    none: 'Натиснете „Проверка на връзката“ и попитайте кой поддържа системата. Причина: {why}',
  },
  who: {
    clock: 'Който настройва Clock в хотела',
    vendor: 'Който поддържа тази система',
  },
};

const fr: ServiceTexts = {
  title: 'Systèmes de l’hôtel',
  none: 'Aucun système n’est encore configuré sur ce boîtier. Cela se fait dans Clock.',
  down: 'Systèmes de l’hôtel en panne : {count}. Ce qu’il faut faire est écrit à côté.',
  process: {
    off: 'désactivé',
    refused: 'ne peut pas démarrer',
    starting: 'démarre',
    running: 'en marche',
    waiting: 'arrêté, redémarre bientôt',
    parked: 'arrêté trop souvent',
    testing: 'en cours d’essai',
  },
  talk: { up: 'connecté', joining: 'connecté, pas encore d’accord', down: 'non connecté' },
  lastIn: 'Dernière réception',
  lastOut: 'Dernier envoi',
  never: 'rien depuis le démarrage',
  reaches: 'Peut joindre',
  counted: 'Compté',
  waiting: 'En attente pour lui',
  dropped: 'Non conservés',
  droppedMany:
    '{count}, le plus ancien de ce qu’il a annoncé pendant que Clock était injoignable ; aucun débit',
  began: 'Démarré',
  parked: 'Abandonné',
  due: 'Redémarre',
  restarts: 'Arrêté de lui-même',
  lastEnd: 'la dernière fois {age} : {why}',
  memory: 'Mémoire',
  memoryUsed: '{used} sur {most} Mo',
  memoryTight: '{used} sur {most} Mo : presque tout, et ce qui en prend plus est arrêté',
  test: 'Essayer la connexion',
  rehearse: 'Essayer avec le simulateur',
  trace: 'Télécharger la trace',
  tested: 'Dernier essai',
  rehearsed: 'Dernier essai avec le simulateur',
  testing: 'en cours',
  good: 'bon',
  bad: 'échoué',
  house: 'Hôtel',
  houseKnown: 'chambres : {rooms}, clients : {guests}, état {age}',
  houseUnknown: 'pas encore connu : Clock n’a pas répondu',
  charges: 'Débits',
  chargesWaiting: '{count} en route vers Clock',
  open: '{count} dont l’issue est inconnue ou que Clock a refusés : comparer avec le compte du client et le dire au support Clock',
  remedies: {
    settings: 'Corriger les réglages de ce système dans Clock. Ce qui est faux : {why}',
    parked:
      'Le boîtier a essayé plusieurs fois ({why}) et réessaiera dans l’heure. Télécharger la trace et demander au support Clock.',
    listen:
      'Le système est-il allumé et réglé pour se connecter à l’adresse de ce boîtier ? La liste de ses réglages le permet-elle ({reaches}) ?',
    connect:
      'Le système est-il allumé et dans ce réseau, et l’adresse et le port de ses réglages sont-ils justes ({reaches}) ? Raison : {why}',
    device: 'Le câble ou l’adaptateur est-il branché ({reaches}) ? Raison : {why}',
    none: 'Appuyer sur « Essayer la connexion » et demander à qui s’occupe du système. Raison : {why}',
  },
  who: {
    clock: 'Qui configure Clock à l’hôtel',
    vendor: 'Qui s’occupe de ce système',
  },
};

export const serviceTexts = { en, de, bg, fr };
