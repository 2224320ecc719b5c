// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'Telephone exchange: NEC NEAX',
    'Telefonanlage: NEC NEAX',
    'Телефонна централа: NEC NEAX',
    'Central téléphonique : NEC NEAX',
  ),
  steps: {},
  counters: { returned: words('sent back', 'zurückgewiesen', 'върнати', 'renvoyés') },
};
