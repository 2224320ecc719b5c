// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'TigerTMS iLink (telephone exchanges)',
    'TigerTMS iLink (Telefonanlagen)',
    'TigerTMS iLink (телефонни централи)',
    'TigerTMS iLink (centraux téléphoniques)',
  ),
  steps: { extensions: words('Extensions', 'Nebenstellen', 'Вътрешни номера', 'Postes') },
  counters: {
    set: words('set', 'gesetzt', 'зададени', 'réglés'),
    'not set': words('not set', 'nicht gesetzt', 'незададени', 'non réglés'),
    'put off': words('put off', 'aufgeschoben', 'отложени', 'reportés'),
  },
};
