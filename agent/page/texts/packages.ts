// What the page says of interfaces that came as signed packages, in each language.
import type { PackageStep, Permission } from '../../core/packages.ts';

export interface PackageTexts {
  readonly title: string;
  /** Where the built-in interface of a name, or none, serves. */
  readonly builtIn: string;
  readonly runs: string;
  readonly may: string;
  readonly permissions: Readonly<Record<Permission, string>>;
  readonly mayNothing: string;
  readonly version: string;
  readonly past: Readonly<Record<PackageStep['at'], string>>;
  readonly waits: string;
  readonly wants: string;
  readonly offered: string;
  readonly approve: string;
}

const en: PackageTexts = {
  title: 'Packages',
  builtIn: 'what ships with the unit',
  runs: 'In use',
  may: 'May',
  permissions: {
    connect: 'open connections to the addresses in the settings of its systems',
    listen: 'take connections at the ports in the settings of its systems',
    serial: 'use the serial ports in the settings of its systems',
    'usb-printer': 'use the USB printers in the settings of its systems',
  },
  mayNothing: 'nothing outside its own process',
  version: 'Version {version}',
  past: {
    downloading: 'is being fetched',
    trial: 'on trial: the version before lies ready',
    confirmed: 'installed',
    failed: 'not installed: {why}',
    returned: 'tried and taken back: {why}',
    removed: 'taken away',
  },
  waits: 'waits for approval',
  wants: 'Would be allowed to',
  offered: 'Offered',
  approve:
    'Read what version {version} would be allowed to, and approve it in Clock if that is right. Until then nothing of it is on the unit.',
};

const de: PackageTexts = {
  title: 'Pakete',
  builtIn: 'was mit dem Gerät kommt',
  runs: 'In Gebrauch',
  may: 'Darf',
  permissions: {
    connect: 'Verbindungen zu den Adressen in den Einstellungen seiner Systeme öffnen',
    listen: 'Verbindungen an den Ports in den Einstellungen seiner Systeme annehmen',
    serial: 'die seriellen Anschlüsse in den Einstellungen seiner Systeme benutzen',
    'usb-printer': 'die USB-Drucker in den Einstellungen seiner Systeme benutzen',
  },
  mayNothing: 'nichts außerhalb seines eigenen Prozesses',
  version: 'Fassung {version}',
  past: {
    downloading: 'wird geholt',
    trial: 'auf Probe: die vorige Fassung liegt bereit',
    confirmed: 'installiert',
    failed: 'nicht installiert: {why}',
    returned: 'erprobt und zurückgenommen: {why}',
    removed: 'entfernt',
  },
  waits: 'wartet auf Zustimmung',
  wants: 'Dürfte dann',
  offered: 'Angeboten',
  approve:
    'Lesen, was Fassung {version} dürfte, und in Clock zustimmen, wenn das richtig ist. Bis dahin ist nichts davon auf dem Gerät.',
};

const bg: PackageTexts = {
  title: 'Пакети',
  builtIn: 'вграденото в устройството',
  runs: 'Използва се',
  may: 'Позволено е',
  permissions: {
    connect: 'да отваря връзки към адресите в настройките на системите си',
    listen: 'да приема връзки на портовете в настройките на системите си',
    serial: 'да ползва серийните портове в настройките на системите си',
    'usb-printer': 'да ползва USB принтерите в настройките на системите си',
  },
  mayNothing: 'нищо извън собствения му процес',
  version: 'Версия {version}',
  past: {
    downloading: 'изтегля се',
    trial: 'на изпитание: предишната версия е запазена',
    confirmed: 'инсталирана',
    failed: 'не е инсталирана: {why}',
    returned: 'изпробвана и върната: {why}',
    removed: 'премахната',
  },
  waits: 'чака одобрение',
  wants: 'Ще му бъде позволено',
  offered: 'Предложен',
  approve:
    'Прочетете какво ще бъде позволено на версия {version} и я одобрете в Clock, ако е правилно. Дотогава на устройството няма нищо от нея.',
};

const fr: PackageTexts = {
  title: 'Paquets',
  builtIn: 'ce qui est livré avec le boîtier',
  runs: 'Utilisé',
  may: 'Peut',
  permissions: {
    connect: 'ouvrir des connexions vers les adresses des réglages de ses systèmes',
    listen: 'accepter des connexions sur les ports des réglages de ses systèmes',
    serial: 'utiliser les ports série des réglages de ses systèmes',
    'usb-printer': 'utiliser les imprimantes USB des réglages de ses systèmes',
  },
  mayNothing: 'rien hors de son propre processus',
  version: 'La version {version}',
  past: {
    downloading: 'en cours de téléchargement',
    trial: 'à l’essai : la version précédente reste prête',
    confirmed: 'installée',
    failed: 'non installée : {why}',
    returned: 'essayée puis retirée : {why}',
    removed: 'enlevée',
  },
  waits: 'attend un accord',
  wants: 'Pourrait',
  offered: 'Proposé',
  approve:
    'Lire ce que la version {version} pourrait faire, et l’approuver dans Clock si c’est juste. D’ici là, rien n’en est sur le boîtier.',
};

export const packageTexts = { en, de, bg, fr };
