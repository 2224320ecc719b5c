// What this interface, the steps of its test and its counters are called, in the languages of the page.
import { words } from '../../core/words.ts';
import type { InterfaceTexts } from '../../core/words.ts';

export const texts: InterfaceTexts = {
  title: words('Raw bridge', 'Rohe Brücke', 'Директен мост', 'Pont brut'),
  steps: {},
  counters: {
    'bytes lost': words('bytes lost', 'verlorene Bytes', 'загубени байтове', 'octets perdus'),
    'bytes in': words('bytes in', 'Bytes herein', 'входящи байтове', 'octets reçus'),
    'bytes out': words('bytes out', 'Bytes hinaus', 'изходящи байтове', 'octets envoyés'),
  },
};
