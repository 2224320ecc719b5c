// Why a card was not written, in the languages of the page; English is what the flasher says itself. By code, so
// that numbers and places stay with the flasher's own words, which the page shows below.
import type { Language } from '../../agent/page/texts/shape.ts';

interface Reason {
  readonly text: string;
  readonly hint: string;
}

/** By code; a hint that several share stands once. */
type Reasons = Readonly<Record<Code, readonly [text: string, hint: keyof typeof hints.de]>>;
/** What befalls a card in a factory; what concerns the machine itself is said in English only. */
type Code =
  | 'card-pulled'
  | 'card-failing'
  | 'card-lies'
  | 'card-locked'
  | 'card-refused'
  | 'card-busy'
  | 'card-stalled'
  | 'card-differs'
  | 'card-mounted'
  | 'card-in-use'
  | 'card-small'
  | 'card-large'
  | 'stopped'
  | 'no-card'
  | 'order-finished'
  | 'order-unknown'
  | 'ledger-disk-full'
  | 'ledger-busy';

/** In this language what the code says; undefined: say what the flasher said. */
export function reasonIn(language: Language, code: string): Reason | undefined {
  if (language === 'en') return undefined;
  const known = Object.hasOwn(reasons[language], code)
    ? reasons[language][code as Code]
    : undefined;
  if (known === undefined) return undefined;
  const [text, hint] = known;
  return { text, hint: hints[language][hint] };
}

const hints = {
  de: {
    throwAway: 'Die Karte kennzeichnen und wegwerfen; für dieses Gerät eine andere schreiben.',
    again:
      'Noch einmal einstecken und schreiben; bleibt es so, anderen Leser oder andere Karte nehmen.',
    slider: 'Den Schieber an der Seite von LOCK wegschieben.',
    root: 'Die Station als root starten: sudo ./build.sh station',
    unmount: 'Ist es die richtige? Dann im System auswerfen (umount).',
    close: 'Was darauf geöffnet ist, zuerst schließen, falls es eine Karte ist.',
    larger: 'Eine Karte mit 4 GB oder mehr nehmen.',
    begin: 'Von vorn schreiben.',
    insert: 'Eine einstecken; eine fertige oder fehlerhafte zuerst herausnehmen.',
    order: 'Einen anderen Auftrag wählen.',
    space: 'Auf der Platte dieses Rechners Platz schaffen (df -h zeigt, wo).',
    wait: 'Noch einmal schreiben.',
  },
  bg: {
    throwAway: 'Отбележете картата и я изхвърлете; запишете друга за това устройство.',
    again: 'Поставете я отново и я запишете; ако не помогне, вземете друг четец или друга карта.',
    slider: 'Преместете плъзгача отстрани от LOCK.',
    root: 'Стартирайте станцията като root: sudo ./build.sh station',
    unmount: 'Тази карта ли е? Тогава я извадете от системата (umount).',
    close: 'Първо затворете каквото е отворено на нея, ако е карта.',
    larger: 'Вземете карта от 4 GB или повече.',
    begin: 'Запишете я отначало.',
    insert: 'Поставете карта; готова или дефектна първо извадете.',
    order: 'Изберете друга поръчка.',
    space: 'Освободете място на диска на този компютър (df -h показва къде).',
    wait: 'Запишете я отново.',
  },
  fr: {
    throwAway: 'Marquez la carte et jetez-la ; écrivez-en une autre pour cette unité.',
    again:
      'Réinsérez-la et réécrivez-la ; si cela continue, prenez un autre lecteur ou une autre carte.',
    slider: 'Éloignez de LOCK le curseur sur son côté.',
    root: 'Démarrez le poste en root : sudo ./build.sh station',
    unmount: 'Est-ce la bonne ? Alors éjectez-la dans le système (umount).',
    close: "Fermez d'abord ce qui y est ouvert, si c'est bien une carte.",
    larger: 'Prenez une carte de 4 Go ou plus.',
    begin: 'Écrivez-la depuis le début.',
    insert: 'Insérez-en une ; retirez d’abord une carte terminée ou défectueuse.',
    order: 'Choisissez une autre commande.',
    space: 'Libérez de la place sur le disque de cette machine (df -h montre où).',
    wait: 'Écrivez-la encore une fois.',
  },
} as const;

const reasons: Readonly<Record<Exclude<Language, 'en'>, Reasons>> = {
  de: {
    'card-pulled': ['Die Karte wurde herausgenommen.', 'again'],
    'card-failing': ['Die Karte ist defekt.', 'throwAway'],
    'card-lies': ['Die Karte ist kleiner, als sie sagt: gefälscht oder verschlissen.', 'throwAway'],
    'card-locked': ['Die Karte ist schreibgeschützt.', 'slider'],
    'card-refused': ['Dieser Benutzer darf die Karte nicht schreiben.', 'root'],
    'card-busy': ['Etwas benutzt die Karte.', 'unmount'],
    'card-stalled': ['Die Karte antwortet nicht.', 'throwAway'],
    'card-differs': ['Die Karte gibt anderes zurück, als geschrieben wurde.', 'throwAway'],
    'card-mounted': ['Die Karte ist eingehängt.', 'unmount'],
    'card-in-use': ['Etwas benutzt die Karte.', 'close'],
    'card-small': ['Die Karte ist zu klein.', 'larger'],
    'card-large': ['Das ist zu groß für eine Karte.', 'larger'],
    stopped: ['Abgebrochen: sie startet auf keinem Gerät.', 'begin'],
    'no-card': ['Hier ist keine Karte zu schreiben.', 'insert'],
    'order-finished': ['Kein Gerät des Auftrags wartet noch auf eine Karte.', 'order'],
    'order-unknown': ['Es gibt diesen Auftrag nicht.', 'order'],
    'ledger-disk-full': ['Für das Verzeichnis der Geräte ist kein Platz mehr.', 'space'],
    'ledger-busy': ['Eine andere Station hält das Verzeichnis der Geräte.', 'wait'],
  },
  bg: {
    'card-pulled': ['Картата беше извадена.', 'again'],
    'card-failing': ['Картата е повредена.', 'throwAway'],
    'card-lies': ['Картата е по-малка, отколкото твърди: фалшива или износена.', 'throwAway'],
    'card-locked': ['Картата е защитена от запис.', 'slider'],
    'card-refused': ['Този потребител няма право да записва картата.', 'root'],
    'card-busy': ['Нещо използва картата.', 'unmount'],
    'card-stalled': ['Картата не отговаря.', 'throwAway'],
    'card-differs': ['Картата връща друго, а не записаното.', 'throwAway'],
    'card-mounted': ['Картата е монтирана.', 'unmount'],
    'card-in-use': ['Нещо използва картата.', 'close'],
    'card-small': ['Картата е твърде малка.', 'larger'],
    'card-large': ['Твърде голяма е за карта.', 'larger'],
    stopped: ['Прекъснато: картата не стартира на никое устройство.', 'begin'],
    'no-card': ['Тук няма карта за запис.', 'insert'],
    'order-finished': ['Никое устройство от поръчката вече не чака карта.', 'order'],
    'order-unknown': ['Няма такава поръчка.', 'order'],
    'ledger-disk-full': ['Няма място за регистъра на устройствата.', 'space'],
    'ledger-busy': ['Друга станция държи регистъра на устройствата.', 'wait'],
  },
  fr: {
    'card-pulled': ['La carte a été retirée.', 'again'],
    'card-failing': ['La carte est défaillante.', 'throwAway'],
    'card-lies': ["La carte est plus petite qu'elle ne le dit : contrefaite ou usée.", 'throwAway'],
    'card-locked': ['La carte est protégée en écriture.', 'slider'],
    'card-refused': ["Cet utilisateur n'a pas le droit d'écrire la carte.", 'root'],
    'card-busy': ['Quelque chose utilise la carte.', 'unmount'],
    'card-stalled': ['La carte ne répond plus.', 'throwAway'],
    'card-differs': ['La carte rend autre chose que ce qui a été écrit.', 'throwAway'],
    'card-mounted': ['La carte est montée.', 'unmount'],
    'card-in-use': ['Quelque chose utilise la carte.', 'close'],
    'card-small': ['La carte est trop petite.', 'larger'],
    'card-large': ['Trop grand pour une carte.', 'larger'],
    stopped: ['Interrompu : elle ne démarre sur aucune unité.', 'begin'],
    'no-card': ["Il n'y a pas de carte à écrire ici.", 'insert'],
    'order-finished': ["Aucune unité de la commande n'attend plus de carte.", 'order'],
    'order-unknown': ["Cette commande n'existe pas.", 'order'],
    'ledger-disk-full': ["Il n'y a plus de place pour le registre des unités.", 'space'],
    'ledger-busy': ['Un autre poste tient le registre des unités.', 'wait'],
  },
};
