// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'Epson RT fiscal printer (FPmate)',
    'Fiskaldrucker Epson RT (FPmate)',
    'Фискален принтер Epson RT (FPmate)',
    'Imprimante fiscale Epson RT (FPmate)',
  ),
  steps: {},
  counters: {},
};
