// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words(
    'Door locks: Salto, Onity (Industry Standard)',
    'Türschlösser: Salto, Onity (Industry Standard)',
    'Брави: Salto, Onity (Industry Standard)',
    'Serrures : Salto, Onity (Industry Standard)',
  ),
  steps: { request: words('Request', 'Anfrage', 'Заявка', 'Demande') },
  counters: {
    keys: words('keys', 'Schlüssel', 'ключове', 'clés'),
    'keys-offline': words(
      'keys while away',
      'Schlüssel ohne Verbindung',
      'ключове без връзка',
      'clés hors ligne',
    ),
    'keys-busy': words(
      'keys while busy',
      'Schlüssel bei Besetzt',
      'ключове при заето',
      'clés si occupé',
    ),
    'keys-refused': words(
      'keys refused',
      'Schlüssel abgelehnt',
      'ключове отказани',
      'clés refusées',
    ),
    'keys-expired': words(
      'keys too late',
      'Schlüssel zu spät',
      'ключове закъснели',
      'clés trop tardives',
    ),
    'keys-unsupported': words(
      'keys not possible',
      'Schlüssel nicht möglich',
      'ключове невъзможни',
      'clés impossibles',
    ),
    'keys-wrong': words(
      'keys with faults',
      'Schlüssel fehlerhaft',
      'ключове с грешки',
      'clés erronées',
    ),
    'keys-unknown': words(
      'keys unknown',
      'Schlüssel ungewiss',
      'ключове с неизвестен изход',
      'clés incertaines',
    ),
  },
};
