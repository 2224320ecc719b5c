// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'Call records (SMDR columns, HOBIC)',
    'Gesprächsdaten (SMDR-Spalten, HOBIC)',
    'Записи на разговори (колони SMDR, HOBIC)',
    'Relevés d’appels (colonnes SMDR, HOBIC)',
  ),
  steps: { record: words('Record', 'Datensatz', 'Запис', 'Relevé') },
  counters: {
    lost: words('lost', 'verloren', 'загубени', 'perdus'),
    damaged: words('damaged', 'beschädigt', 'повредени', 'endommagés'),
    filtered: words('filtered', 'ausgefiltert', 'филтрирани', 'filtrés'),
    'ahead of time': words(
      'ahead of time',
      'der Zeit voraus',
      'с бъдещо време',
      'en avance sur l’heure',
    ),
    'no price': words('no price', 'ohne Preis', 'без цена', 'sans prix'),
    read: words('read', 'gelesen', 'прочетени', 'lus'),
  },
};
