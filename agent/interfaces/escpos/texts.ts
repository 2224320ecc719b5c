// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'ESC/POS receipt printers',
    'ESC/POS-Bondrucker',
    'ESC/POS принтери за бележки',
    'Imprimantes de tickets ESC/POS',
  ),
  steps: {},
  counters: {
    printed: words('printed', 'gedruckt', 'отпечатани', 'imprimés'),
    'not printed': words('not printed', 'nicht gedruckt', 'неотпечатани', 'non imprimés'),
  },
};
