// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'Telephone exchange: Mitel SX-200',
    'Telefonanlage: Mitel SX-200',
    'Телефонна централа: Mitel SX-200',
    'Central téléphonique : Mitel SX-200',
  ),
  steps: {},
  counters: {},
};
