// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'Datecs or Daisy fiscal printer',
    'Fiskaldrucker Datecs oder Daisy',
    'Фискален принтер Datecs или Daisy',
    'Imprimante fiscale Datecs ou Daisy',
  ),
  steps: {
    'last document': words(
      'Last document',
      'Letzter Beleg',
      'Последен документ',
      'Dernier document',
    ),
    // What the printer says is wrong with it, each a step.
    'clock-not-set': words(
      'Clock not set',
      'Uhr nicht gestellt',
      'Часовникът не е сверен',
      'Horloge non réglée',
    ),
    'printer-fault': words(
      'Printing mechanism',
      'Druckwerk',
      'Печатащ механизъм',
      'Mécanisme d’impression',
    ),
    'general-error': words('Error', 'Fehler', 'Грешка', 'Erreur'),
    'no-paper': words('No paper', 'Kein Papier', 'Няма хартия', 'Plus de papier'),
    'low-paper': words('Little paper', 'Wenig Papier', 'Малко хартия', 'Peu de papier'),
    'memory-write': words(
      'Writing to the fiscal memory',
      'Schreiben in den Fiskalspeicher',
      'Запис във фискалната памет',
      'Écriture dans la mémoire fiscale',
    ),
    'memory-nearly-full': words(
      'Fiscal memory nearly full',
      'Fiskalspeicher fast voll',
      'Фискалната памет е почти пълна',
      'Mémoire fiscale presque pleine',
    ),
    'memory-full': words(
      'Fiscal memory full',
      'Fiskalspeicher voll',
      'Фискалната памет е пълна',
      'Mémoire fiscale pleine',
    ),
    'memory-fault': words(
      'Fiscal memory fault',
      'Fiskalspeicher gestört',
      'Повреда на фискалната памет',
      'Défaut de la mémoire fiscale',
    ),
    'memory-read-only': words(
      'Fiscal memory read-only',
      'Fiskalspeicher nur lesbar',
      'Фискалната памет само се чете',
      'Mémoire fiscale en lecture seule',
    ),
  },
  counters: {},
};
