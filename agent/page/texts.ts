// Every text of the page, per language, with the same keys. Pure; no text stands anywhere else.
import type { CheckId, CheckState } from '../diagnostics/wire.ts';

export const LANGUAGES = ['en', 'de', 'bg', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Texts {
  readonly title: string;
  readonly allPassed: string;
  readonly failed: (count: number) => string;
  readonly running: string;
  readonly serial: string;
  readonly address: string;
  readonly release: string;
  readonly again: string;
  readonly identify: string;
  readonly report: string;
  readonly todo: string;
  readonly states: Readonly<Record<CheckState, string>>;
  readonly checks: Readonly<Record<CheckId, string>>;
  readonly remedies: { readonly [Id in CheckId]?: string };
}

const en: Texts = {
  title: 'Clock IoT diagnostics',
  allPassed: 'Everything this unit needs works.',
  failed: (count) => `${count} ${count === 1 ? 'check' : 'checks'} failed.`,
  running: 'Checks are running …',
  serial: 'Serial number',
  address: 'Address',
  release: 'Release',
  again: 'Check again',
  identify: 'Blink the light',
  report: 'Download report',
  todo: 'What to do',
  states: {
    passed: 'passed',
    warning: 'warning',
    failed: 'failed',
    running: 'running',
    'not-needed': 'closed, not needed',
    'not-checked': 'not checked',
  },
  checks: {
    link: 'Ethernet cable',
    dhcp: 'Address from DHCP',
    subnet: 'Network other than 172.17.x.x',
    dns: 'Names (DNS)',
    ntp: 'Time servers (UDP 123)',
    'clock-443': '*.clock-software.com, port 443',
    'clock-80': '*.clock-software.com, port 80',
    'clock-22': '*.clock-software.com, port 22',
    'aws-443': '*.amazonaws.com, port 443',
    'aws-8443': '*.amazonaws.com, port 8443',
    'aws-8883': '*.amazonaws.com, port 8883',
    'gems-5000': 'ruby-gems.clock-software.com, port 5000',
    time: 'Clock set',
    storage: 'Storage',
    memory: 'Memory',
    temperature: 'Temperature',
    seal: 'Card bound to this board',
  },
  remedies: {
    link: 'Installer: plug the Ethernet cable in at both ends; try another cable or switch port.',
    dhcp: 'Network administrator: the network needs a DHCP server. Fixed addresses and Wi-Fi are not supported.',
    dns: 'Network administrator: let the unit reach the name server that DHCP announces.',
    ntp: 'Network administrator: allow outbound UDP port 123, or offer an own time server by DHCP (option 42).',
    'clock-443':
      'Network administrator: allow outbound TCP 443 to *.clock-software.com, without TLS inspection.',
    'aws-443':
      'Network administrator: allow outbound TCP 443 to *.amazonaws.com, without TLS inspection.',
    'aws-8443':
      'Network administrator: allow outbound TCP 8443 to *.amazonaws.com, without TLS inspection.',
    'aws-8883':
      'Network administrator: allow outbound TCP 8883 to *.amazonaws.com, without TLS inspection.',
    time: 'Network administrator: allow outbound UDP port 123. The unit sets its clock by itself.',
    storage: 'Clock support: the card is almost full.',
    memory: 'Clock support: memory is short; a restart helps for now.',
    temperature: 'Installer: give the unit air, away from heat.',
    seal: 'Clock support: this card opens on every board.',
  },
};

const de: Texts = {
  title: 'Clock IoT Diagnose',
  allPassed: 'Alles, was dieses Gerät braucht, funktioniert.',
  failed: (count) =>
    count === 1 ? '1 Prüfung fehlgeschlagen.' : `${count} Prüfungen fehlgeschlagen.`,
  running: 'Prüfungen laufen …',
  serial: 'Seriennummer',
  address: 'Adresse',
  release: 'Version',
  again: 'Erneut prüfen',
  identify: 'Licht blinken lassen',
  report: 'Bericht herunterladen',
  todo: 'Was zu tun ist',
  states: {
    passed: 'bestanden',
    warning: 'Warnung',
    failed: 'fehlgeschlagen',
    running: 'läuft',
    'not-needed': 'gesperrt, nicht nötig',
    'not-checked': 'nicht geprüft',
  },
  checks: {
    ...en.checks,
    link: 'Ethernet-Kabel',
    dhcp: 'Adresse von DHCP',
    subnet: 'Netzwerk nicht 172.17.x.x',
    dns: 'Namen (DNS)',
    ntp: 'Zeitserver (UDP 123)',
    time: 'Uhr gestellt',
    storage: 'Speicher (SD-Karte)',
    memory: 'Arbeitsspeicher',
    temperature: 'Temperatur',
    seal: 'Karte an dieses Gerät gebunden',
  },
  remedies: {
    link: 'Installateur: Ethernet-Kabel an beiden Enden einstecken; anderes Kabel oder anderen Anschluss versuchen.',
    dhcp: 'Systemadministrator: Das Netzwerk braucht einen DHCP-Server. Feste Adressen und Wi-Fi werden nicht unterstützt.',
    dns: 'Systemadministrator: Dem Gerät den Namensserver freigeben, den DHCP nennt.',
    ntp: 'Systemadministrator: Ausgehend UDP-Port 123 freigeben oder per DHCP (Option 42) einen eigenen Zeitserver nennen.',
    'clock-443':
      'Systemadministrator: Ausgehend TCP 443 zu *.clock-software.com freigeben, ohne TLS-Überprüfung.',
    'aws-443':
      'Systemadministrator: Ausgehend TCP 443 zu *.amazonaws.com freigeben, ohne TLS-Überprüfung.',
    'aws-8443':
      'Systemadministrator: Ausgehend TCP 8443 zu *.amazonaws.com freigeben, ohne TLS-Überprüfung.',
    'aws-8883':
      'Systemadministrator: Ausgehend TCP 8883 zu *.amazonaws.com freigeben, ohne TLS-Überprüfung.',
    time: 'Systemadministrator: Ausgehend UDP-Port 123 freigeben. Das Gerät stellt seine Uhr selbst.',
    storage: 'Clock-Support: Die Karte ist fast voll.',
    memory: 'Clock-Support: Der Arbeitsspeicher ist knapp; ein Neustart hilft vorerst.',
    temperature: 'Installateur: Für Luft sorgen, Wärmequellen meiden.',
    seal: 'Clock-Support: Diese Karte öffnet sich in jedem Gerät.',
  },
};

const bg: Texts = {
  title: 'Clock IoT диагностика',
  allPassed: 'Всичко необходимо за устройството работи.',
  failed: (count) => (count === 1 ? '1 неуспешна проверка.' : `${count} неуспешни проверки.`),
  running: 'Проверките се изпълняват …',
  serial: 'Сериен номер',
  address: 'Адрес',
  release: 'Версия',
  again: 'Провери отново',
  identify: 'Мигни със светлината',
  report: 'Изтегли отчет',
  todo: 'Какво да се направи',
  states: {
    passed: 'успешна',
    warning: 'предупреждение',
    failed: 'неуспешна',
    running: 'изпълнява се',
    'not-needed': 'затворен, не е нужен',
    'not-checked': 'не е проверено',
  },
  checks: {
    link: 'Ethernet кабел',
    dhcp: 'Адрес от DHCP',
    subnet: 'Мрежа, различна от 172.17.x.x',
    dns: 'Имена (DNS)',
    ntp: 'Сървъри за време (UDP 123)',
    'clock-443': '*.clock-software.com, порт 443',
    'clock-80': '*.clock-software.com, порт 80',
    'clock-22': '*.clock-software.com, порт 22',
    'aws-443': '*.amazonaws.com, порт 443',
    'aws-8443': '*.amazonaws.com, порт 8443',
    'aws-8883': '*.amazonaws.com, порт 8883',
    'gems-5000': 'ruby-gems.clock-software.com, порт 5000',
    time: 'Часовник',
    storage: 'Карта с памет',
    memory: 'Оперативна памет',
    temperature: 'Температура',
    seal: 'Картата е свързана с това устройство',
  },
  remedies: {
    link: 'Монтажник: включете Ethernet кабела в двата края; опитайте друг кабел или порт.',
    dhcp: 'Мрежов администратор: мрежата трябва да има DHCP сървър. Фиксирани адреси и Wi-Fi не се поддържат.',
    dns: 'Мрежов администратор: разрешете достъп до DNS сървъра, обявен от DHCP.',
    ntp: 'Мрежов администратор: разрешете изходящ UDP порт 123 или обявете собствен сървър чрез DHCP (опция 42).',
    'clock-443':
      'Мрежов администратор: разрешете изходящ TCP 443 към *.clock-software.com, без TLS инспекция.',
    'aws-443':
      'Мрежов администратор: разрешете изходящ TCP 443 към *.amazonaws.com, без TLS инспекция.',
    'aws-8443':
      'Мрежов администратор: разрешете изходящ TCP 8443 към *.amazonaws.com, без TLS инспекция.',
    'aws-8883':
      'Мрежов администратор: разрешете изходящ TCP 8883 към *.amazonaws.com, без TLS инспекция.',
    time: 'Мрежов администратор: разрешете изходящ UDP порт 123. Устройството сверява часовника си само.',
    storage: 'Поддръжка на Clock: картата е почти пълна.',
    memory: 'Поддръжка на Clock: паметта не достига; засега помага рестартиране.',
    temperature: 'Монтажник: осигурете въздух, далеч от топлина.',
    seal: 'Поддръжка на Clock: тази карта се отваря на всяко устройство.',
  },
};

const fr: Texts = {
  title: 'Diagnostic Clock IoT',
  allPassed: 'Tout ce dont ce boîtier a besoin fonctionne.',
  failed: (count) => (count === 1 ? '1 contrôle a échoué.' : `${count} contrôles ont échoué.`),
  running: 'Contrôles en cours …',
  serial: 'Numéro de série',
  address: 'Adresse',
  release: 'Version',
  again: 'Contrôler à nouveau',
  identify: 'Faire clignoter la lumière',
  report: 'Télécharger le rapport',
  todo: 'Que faire',
  states: {
    passed: 'réussi',
    warning: 'avertissement',
    failed: 'échoué',
    running: 'en cours',
    'not-needed': 'fermé, pas nécessaire',
    'not-checked': 'non contrôlé',
  },
  checks: {
    ...en.checks,
    link: 'Câble Ethernet',
    dhcp: 'Adresse par DHCP',
    subnet: 'Réseau autre que 172.17.x.x',
    dns: 'Noms (DNS)',
    ntp: 'Serveurs de temps (UDP 123)',
    time: 'Horloge à l’heure',
    storage: 'Stockage',
    memory: 'Mémoire',
    temperature: 'Température',
    seal: 'Carte liée à ce boîtier',
  },
  remedies: {
    link: 'Installateur : branchez le câble Ethernet aux deux bouts ; essayez un autre câble ou port.',
    dhcp: 'Administrateur réseau : le réseau doit offrir un serveur DHCP. Adresses fixes et Wi-Fi ne sont pas pris en charge.',
    dns: 'Administrateur réseau : autorisez le serveur de noms annoncé par DHCP.',
    ntp: 'Administrateur réseau : autorisez UDP 123 en sortie, ou annoncez un serveur de temps par DHCP (option 42).',
    'clock-443':
      'Administrateur réseau : autorisez TCP 443 en sortie vers *.clock-software.com, sans inspection TLS.',
    'aws-443':
      'Administrateur réseau : autorisez TCP 443 en sortie vers *.amazonaws.com, sans inspection TLS.',
    'aws-8443':
      'Administrateur réseau : autorisez TCP 8443 en sortie vers *.amazonaws.com, sans inspection TLS.',
    'aws-8883':
      'Administrateur réseau : autorisez TCP 8883 en sortie vers *.amazonaws.com, sans inspection TLS.',
    time: 'Administrateur réseau : autorisez UDP 123 en sortie. Le boîtier règle son horloge seul.',
    storage: 'Support Clock : la carte est presque pleine.',
    memory: 'Support Clock : la mémoire manque ; un redémarrage aide pour le moment.',
    temperature: 'Installateur : aérez le boîtier, loin de la chaleur.',
    seal: 'Support Clock : cette carte s’ouvre sur tout boîtier.',
  },
};

export const texts: Readonly<Record<Language, Texts>> = { en, de, bg, fr };

/** The first language of Accept-Language (RFC 9110) that the page has; English otherwise. */
export function chooseLanguage(acceptLanguage: string): Language {
  const wanted = acceptLanguage
    .slice(0, 256)
    .split(',')
    .map((part) => {
      const [tag = '', q = 'q=1'] = part.trim().split(';');
      return { tag: tag.slice(0, 2).toLowerCase(), q: Number(q.trim().slice(2)) || 0 };
    })
    .sort((a, b) => b.q - a.q);
  for (const { tag } of wanted) {
    const language = LANGUAGES.find((known) => known === tag);
    if (language !== undefined) return language;
  }
  return 'en';
}
