// What the station's page says, in the languages of the unit's page. {name} is filled in by html.ts.
import type { Language } from '../../agent/page/texts/shape.ts';

export interface Texts {
  readonly lang: Language;
  readonly name: string;
  readonly title: string;
  readonly release: string;
  readonly development: string;
  readonly noClaim: string;
  readonly language: string;
  readonly order: string;
  readonly orderHint: string;
  readonly choose: string;
  readonly noOrder: string;
  readonly left: string;
  readonly complete: string;
  readonly unknownOrder: string;
  readonly automatic: string;
  readonly automaticOn: string;
  readonly automaticOff: string;
  readonly cards: string;
  readonly noCard: string;
  readonly write: string;
  readonly writeAll: string;
  readonly found: string;
  readonly looking: string;
  readonly ours: string;
  readonly files: string;
  readonly unreadable: string;
  readonly sure: string;
  readonly refused: string;
  readonly preparing: string;
  readonly writing: string;
  readonly reading: string;
  readonly finishing: string;
  readonly done: string;
  readonly bad: string;
  readonly untouched: string;
  readonly badHint: string;
  readonly rate: string;
  readonly rateOnly: string;
  readonly finished: string;
  readonly print: string;
  readonly printAgain: string;
  readonly pdf: string;
  readonly printed: string;
  readonly stopped: string;
}

const en: Texts = {
  lang: 'en',
  name: 'English',
  title: 'Card station',
  release: 'Release {version}',
  development: 'Signed with a development key: not for a customer.',
  noClaim: 'No claim was given (--claim): these units cannot register with the cloud.',
  language: 'Language',
  order: 'Order',
  orderHint: 'Scan the order, or type its name and press Enter.',
  choose: 'Choose',
  noOrder: 'No order chosen: units belong to no account yet.',
  left: '{left} of {wanted} left',
  complete: 'All {wanted} are made.',
  unknownOrder:
    'There is no order “{order}”. Look at the name, or import it: ./build.sh unit import FILE.csv',
  automatic: 'Write every empty card that is put in',
  automaticOn: 'On: every empty card that is put in now is written.',
  automaticOff: 'Off: each card is written by its button.',
  cards: 'Cards',
  noCard: 'Put a card into a reader.',
  write: 'Write',
  writeAll: 'Write all',
  found: 'Ready. What is on it will be lost.',
  looking: 'Looking what is on it …',
  ours: 'A finished unit.',
  files: 'Something that is not ours lies on it.',
  unreadable: 'Cannot be read. It may be a failed unit’s card, of which something can be saved.',
  sure: 'It may be erased.',
  refused: 'Not for us',
  preparing: 'Preparing',
  writing: 'Writing',
  reading: 'Reading back',
  finishing: 'Finishing',
  done: 'Done. Take it out.',
  bad: 'Bad. Take it out.',
  untouched: 'Not written. It is as it was.',
  badHint: 'What to do',
  rate: '{rate} MB/s, {time} left',
  rateOnly: '{rate} MB/s',
  finished: 'Finished',
  print: 'Print label',
  printAgain: 'Print again',
  pdf: 'Label (PDF)',
  printed: 'label printed',
  stopped: 'The station no longer answers. Start it again: ./build.sh station',
};

const de: Texts = {
  lang: 'de',
  name: 'Deutsch',
  title: 'Kartenstation',
  release: 'Version {version}',
  development: 'Mit einem Entwicklungsschlüssel signiert: nicht für Kunden.',
  noClaim: 'Kein Claim angegeben (--claim): diese Geräte können sich nicht bei der Cloud anmelden.',
  language: 'Sprache',
  order: 'Auftrag',
  orderHint: 'Auftrag scannen, oder den Namen eingeben und Enter drücken.',
  choose: 'Wählen',
  noOrder: 'Kein Auftrag gewählt: die Geräte gehören noch keinem Konto.',
  left: 'noch {left} von {wanted}',
  complete: 'Alle {wanted} sind fertig.',
  unknownOrder:
    'Es gibt keinen Auftrag „{order}“. Den Namen prüfen, oder einlesen: ./build.sh unit import DATEI.csv',
  automatic: 'Jede leere eingesteckte Karte schreiben',
  automaticOn: 'Ein: jede leere Karte, die jetzt eingesteckt wird, wird geschrieben.',
  automaticOff: 'Aus: jede Karte wird mit ihrem Knopf geschrieben.',
  cards: 'Karten',
  noCard: 'Eine Karte in einen Leser stecken.',
  write: 'Schreiben',
  writeAll: 'Alle schreiben',
  found: 'Bereit. Was darauf ist, geht verloren.',
  looking: 'Ansehen, was darauf ist …',
  ours: 'Ein fertiges Gerät.',
  files: 'Darauf liegt etwas, das nicht von uns ist.',
  unreadable:
    'Nicht lesbar. Vielleicht die Karte eines ausgefallenen Geräts, von der noch etwas zu retten ist.',
  sure: 'Sie darf gelöscht werden.',
  refused: 'Nicht für uns',
  preparing: 'Vorbereiten',
  writing: 'Schreiben',
  reading: 'Zurücklesen',
  finishing: 'Abschließen',
  done: 'Fertig. Herausnehmen.',
  bad: 'Fehlerhaft. Herausnehmen.',
  untouched: 'Nicht geschrieben. Sie ist, wie sie war.',
  badHint: 'Was zu tun ist',
  rate: '{rate} MB/s, noch {time}',
  rateOnly: '{rate} MB/s',
  finished: 'Fertige',
  print: 'Etikett drucken',
  printAgain: 'Noch einmal drucken',
  pdf: 'Etikett (PDF)',
  printed: 'Etikett gedruckt',
  stopped: 'Die Station antwortet nicht mehr. Neu starten: ./build.sh station',
};

const bg: Texts = {
  lang: 'bg',
  name: 'Български',
  title: 'Станция за карти',
  release: 'Версия {version}',
  development: 'Подписано с ключ за разработка: не е за клиент.',
  noClaim: 'Няма claim (--claim): тези устройства не могат да се регистрират в облака.',
  language: 'Език',
  order: 'Поръчка',
  orderHint: 'Сканирайте поръчката или въведете името ѝ и натиснете Enter.',
  choose: 'Избор',
  noOrder: 'Няма избрана поръчка: устройствата още не са към акаунт.',
  left: 'остават {left} от {wanted}',
  complete: 'Всички {wanted} са готови.',
  unknownOrder:
    'Няма поръчка „{order}“. Проверете името или я въведете: ./build.sh unit import ФАЙЛ.csv',
  automatic: 'Запис на всяка поставена празна карта',
  automaticOn: 'Включено: всяка празна карта, която поставите сега, се записва.',
  automaticOff: 'Изключено: всяка карта се записва със своя бутон.',
  cards: 'Карти',
  noCard: 'Поставете карта в четец.',
  write: 'Запис',
  writeAll: 'Запис на всички',
  found: 'Готова за запис. Съдържанието ѝ ще се загуби.',
  looking: 'Проверява се какво има на нея …',
  ours: 'Готово устройство.',
  files: 'На нея има нещо, което не е наше.',
  unreadable:
    'Не може да се прочете. Може да е карта на повредено устройство, от която нещо може да се спаси.',
  sure: 'Може да се изтрие.',
  refused: 'Не е за нас',
  preparing: 'Подготовка',
  writing: 'Запис',
  reading: 'Проверка',
  finishing: 'Завършване',
  done: 'Готово. Извадете я.',
  bad: 'Дефектна. Извадете я.',
  untouched: 'Не е записана. Съдържанието ѝ е непроменено.',
  badHint: 'Какво да направите',
  rate: '{rate} MB/s, остават {time}',
  rateOnly: '{rate} MB/s',
  finished: 'Готови',
  print: 'Печат на етикет',
  printAgain: 'Печат отново',
  pdf: 'Етикет (PDF)',
  printed: 'етикетът е отпечатан',
  stopped: 'Станцията не отговаря. Стартирайте я отново: ./build.sh station',
};

const fr: Texts = {
  lang: 'fr',
  name: 'Français',
  title: 'Poste de cartes',
  release: 'Version {version}',
  development: 'Signée avec une clé de développement : pas pour un client.',
  noClaim: "Aucun claim donné (--claim) : ces unités ne peuvent pas s'inscrire dans le cloud.",
  language: 'Langue',
  order: 'Commande',
  orderHint: 'Scannez la commande, ou tapez son nom puis Entrée.',
  choose: 'Choisir',
  noOrder: "Aucune commande choisie : les unités n'ont pas encore de compte.",
  left: 'encore {left} sur {wanted}',
  complete: 'Les {wanted} sont faites.',
  unknownOrder:
    "Il n'y a pas de commande « {order} ». Vérifiez le nom, ou importez-la : ./build.sh unit import FICHIER.csv",
  automatic: 'Écrire chaque carte vide insérée',
  automaticOn: 'Activé : chaque carte vide insérée maintenant est écrite.',
  automaticOff: "Désactivé : chaque carte s'écrit par son bouton.",
  cards: 'Cartes',
  noCard: 'Insérez une carte dans un lecteur.',
  write: 'Écrire',
  writeAll: 'Tout écrire',
  found: 'Prête. Son contenu sera perdu.',
  looking: "Lecture de ce qu'elle contient …",
  ours: 'Une unité terminée.',
  files: 'Elle contient autre chose que nos données.',
  unreadable:
    "Illisible. Peut-être la carte d'une unité en panne, dont quelque chose peut être sauvé.",
  sure: 'Elle peut être effacée.',
  refused: 'Pas pour nous',
  preparing: 'Préparation',
  writing: 'Écriture',
  reading: 'Relecture',
  finishing: 'Finition',
  done: 'Terminé. Retirez-la.',
  bad: 'Défectueuse. Retirez-la.',
  untouched: 'Pas écrite. Son contenu est inchangé.',
  badHint: 'Que faire',
  rate: '{rate} Mo/s, encore {time}',
  rateOnly: '{rate} Mo/s',
  finished: 'Terminées',
  print: "Imprimer l'étiquette",
  printAgain: 'Réimprimer',
  pdf: 'Étiquette (PDF)',
  printed: 'étiquette imprimée',
  stopped: 'Le poste ne répond plus. Redémarrez-le : ./build.sh station',
};

export const texts: Readonly<Record<Language, Texts>> = { en, de, bg, fr };
