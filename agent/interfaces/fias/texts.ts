// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'FIAS: telephones, locks, minibars, television',
    'FIAS: Telefone, Schlösser, Minibars, Fernsehen',
    'FIAS: телефони, брави, минибарове, телевизия',
    'FIAS : téléphones, serrures, minibars, télévision',
  ),
  steps: {
    'Link (LS, LD, LR, LA)': words(
      'Link (LS, LD, LR, LA)',
      'Anmeldung (LS, LD, LR, LA)',
      'Съгласуване (LS, LD, LR, LA)',
      'Ouverture (LS, LD, LR, LA)',
    ),
    'Records that it wants': words(
      'Records that it wants',
      'Sätze, die es will',
      'Записи, които иска',
      'Messages qu’il veut',
    ),
  },
  counters: {
    'postings-refused': words(
      'postings refused',
      'abgelehnte Buchungen',
      'отказани начисления',
      'débits refusés',
    ),
    postings: words('postings', 'Buchungen', 'начисления', 'débits'),
    'reports-lost': words(
      'reports lost',
      'verlorene Meldungen',
      'загубени съобщения',
      'annonces perdues',
    ),
    keys: words('keys', 'Schlüssel', 'ключове', 'clés'),
    'keys-failed': words(
      'keys failed',
      'misslungene Schlüssel',
      'неуспешни ключове',
      'clés échouées',
    ),
    resyncs: words('resyncs', 'Abgleiche', 'сверявания', 'resynchronisations'),
  },
};
