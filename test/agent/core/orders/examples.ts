// One of every order and event there is, for tests of whatever carries them.
import type {
  EventKind,
  EventOf,
  House,
  OrderKind,
  OrderOf,
} from '../../../../agent/core/vocabulary.ts';

const guest = {
  booking: 5001,
  lastName: 'Ivanova',
  firstName: 'Ana',
  language: 'bg',
  arrival: '2026-11-25',
  departure: '2026-11-27',
};
const stay = { room: '0101', guest, isShared: false };
const key = {
  ...{ key: 77, booking: 5001, room: '101', moreRooms: ['102'], encoder: 'desk-1' },
  ...{ doorCodes: ['0101'], commonDoors: ['lift', 'pool'], guestName: 'Ivanova, Ana' },
  ...{ from: '2026-11-25T14:00:00', to: '2026-11-27T12:00:00' },
};

export const ORDERS: { readonly [K in OrderKind]: OrderOf<K> } = {
  'room.checked-in': { kind: 'room.checked-in', ...stay },
  'room.checked-out': { kind: 'room.checked-out', ...stay },
  'guest.changed': { kind: 'guest.changed', ...stay },
  'room.moved': { kind: 'room.moved', ...stay, from: '102', isFromShared: true },
  'room.status': { kind: 'room.status', room: '101', housekeeping: 'dirty' },
  'room.barring': { kind: 'room.barring', room: '101', level: 2 },
  'room.privacy': { kind: 'room.privacy', room: '101', isOn: true },
  'wakeup.set': { kind: 'wakeup.set', room: '101', at: '2026-11-26T06:30:00' },
  'wakeup.clear': { kind: 'wakeup.clear', room: '101', at: '2026-11-26T06:30:00' },
  'message.light': { kind: 'message.light', room: '101', isOn: false },
  'message.text': { kind: 'message.text', room: '101', booking: 5001, message: 3, text: 'Taxi\n' },
  'night-audit': { kind: 'night-audit', phase: 'start' },
  resync: { kind: 'resync' },
  'key.encode': { kind: 'key.encode', card: 'original', ...key },
  'key.cancel': { kind: 'key.cancel', ...key, mobile: { phone: '0049891' } },
  'key.read': { kind: 'key.read', encoder: 'desk-1' },
  'receipt.print': {
    ...{ kind: 'receipt.print', printer: 'kitchen', document: 'A-17' },
    parts: [
      { is: 'line', text: '2 x Caesar', isBold: true, width: 2 },
      { is: 'feed', lines: 2 },
      { is: 'qr', data: 'https://example.com/a' },
      { is: 'barcode', data: '4006381333931' },
      { is: 'raster', widthBytes: 2, rows: 3, data: Buffer.alloc(6, 0xf0).toString('base64') },
      { is: 'cut' },
      { is: 'drawer' },
    ],
  },
  'fiscal.receipt': {
    ...{ kind: 'fiscal.receipt', folio: 9001, saleNumber: 'DT000001-0001-0000001' },
    lines: [{ text: 'Room', price: '120.00', quantity: '1', taxGroup: '2', adjustment: '-10.00' }],
    payments: [{ type: 'cash', amount: '110.00' }],
    reversal: { document: '17', at: '2026-11-25T10:00:00', why: 'mistake' },
  },
  'fiscal.report': { kind: 'fiscal.report', report: 'z' },
  'bytes.write': { kind: 'bytes.write', data: 'AAEC' },
};

const at = '2026-11-25T12:00:00';
export const EVENTS: { readonly [K in EventKind]: EventOf<K> } = {
  'charge.posted': {
    ...{ kind: 'charge.posted', key: 'a1', room: '101', amount: '12.50', text: 'Pay TV' },
    ...{ group: 'extra', at },
  },
  'minibar.posted': {
    ...{ kind: 'minibar.posted', key: 'a2', room: '101', booking: 5001, at },
    items: [{ article: '17', quantity: 2 }],
  },
  'call.recorded': {
    ...{ kind: 'call.recorded', key: 'a3', extension: '101', at, seconds: 61, dialled: '004989' },
    ...{ impulses: 4, price: '0.8000', line: '3' },
  },
  'room.status': { kind: 'room.status', room: '101', housekeeping: 'clean', maid: '12' },
  'room.privacy': { kind: 'room.privacy', room: '101', wish: 'make-up' },
  'wakeup.set': { kind: 'wakeup.set', room: '101', at },
  'wakeup.clear': { kind: 'wakeup.clear', room: '101' },
  'wakeup.result': { kind: 'wakeup.result', room: '101', at, result: 'no-answer' },
  'message.light': { kind: 'message.light', room: '101', isOn: true },
  'message.text': { kind: 'message.text', room: '101', booking: 5001, text: 'Call back' },
  'checkout.requested': {
    ...{ kind: 'checkout.requested', key: 'a4', room: '101', booking: 5001, balance: '-3.20' },
  },
  locator: { kind: 'locator', booking: 5001, place: undefined },
  'device.status': { kind: 'device.status', device: 'printer', problems: ['paper-low'] },
  'bytes.read': { kind: 'bytes.read', key: 'a5', data: 'AAEC' },
};

export const HOUSE: House = {
  ...{ asOfMs: undefined, businessDay: '2026-11-25', timeZone: 'Europe/Sofia' },
  currency: { code: 'EUR', decimals: 2 },
  rooms: [
    { room: '0101', housekeeping: 'dirty', guests: [guest] },
    { room: '102', housekeeping: null, guests: [] },
  ],
};
