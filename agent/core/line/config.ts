// The settings of a line, the same in every interface. Pure.
import * as v from 'valibot';

/** A name or an address; what it may reach is judged where it is resolved. */
export const Host = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/, 'not a host name or address'),
  v.check(
    (host) => !host.includes(':') || URL.canParse(`http://[${host}]/`),
    'the port is a field of its own',
  ),
);
export const Port = v.pipe(v.number('not a port'), v.integer(), v.minValue(1), v.maxValue(65_535));
/** Of who may connect: an address or a network, "10.1.0.0/16". */
const Source = v.pipe(
  v.string(),
  v.regex(/^[0-9a-fA-F.:]{2,45}(\/\d{1,3})?$/, 'not an address or network'),
  v.check(isSource, 'not an address or network'),
);
/** At most as many as one hotel has systems of one kind. */
export const Sources = v.pipe(
  v.array(Source),
  v.minLength(1, 'name at least one'),
  v.maxLength(16),
);
/** By a name that stays when the adapter is plugged elsewhere. */
const SerialDevice = v.pipe(
  v.string(),
  v.regex(
    /^\/dev\/(serial\/by-(id|path)\/[A-Za-z0-9_.:+-]{1,200}|tty(AMA|S|USB|ACM)\d{1,3})$/,
    'not a serial port: take one of /dev/serial/by-id/',
  ),
);
const PrinterDevice = v.pipe(
  v.string(),
  v.regex(/^\/dev\/usb\/lp\d{1,2}$/, 'not a USB printer: /dev/usb/lp0'),
);

export const BAUDS = [
  300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200,
] as const;

/** Seconds between tries: the first, and the longest pause it grows to. */
const Reconnect = v.object({
  firstSeconds: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(600)), 1),
  maxSeconds: v.optional(v.pipe(v.number(), v.minValue(0.1), v.maxValue(3_600)), 60),
});

export const TcpClient = v.strictObject({
  kind: v.literal('tcp-client'),
  host: Host,
  port: Port,
  reconnect: v.optional(Reconnect, {}),
});
export const TcpServer = v.strictObject({
  kind: v.literal('tcp-server'),
  port: v.pipe(Port, v.minValue(1_024, 'below 1024')),
  from: Sources,
  /** A client connects while one is there: the new one replaces it, or is turned away. */
  second: v.optional(v.picklist(['replace', 'refuse']), 'replace'),
});
export const Serial = v.strictObject({
  kind: v.literal('serial'),
  device: SerialDevice,
  baud: v.optional(v.picklist(BAUDS), 9_600),
  dataBits: v.optional(v.picklist([7, 8]), 8),
  parity: v.optional(v.picklist(['none', 'even', 'odd']), 'none'),
  stopBits: v.optional(v.picklist([1, 2]), 1),
  flow: v.optional(v.picklist(['none', 'hardware', 'software']), 'none'),
  reconnect: v.optional(Reconnect, {}),
});
export const UsbPrinter = v.strictObject({
  kind: v.literal('usb-printer'),
  device: PrinterDevice,
  reconnect: v.optional(Reconnect, {}),
});
export const LineSettings = v.variant('kind', [TcpClient, TcpServer, Serial, UsbPrinter]);
export type LineSettings = v.InferOutput<typeof LineSettings>;

function isSource(text: string): boolean {
  const [address = '', bits = '0'] = text.split('/');
  if (address.includes(':')) return URL.canParse(`http://[${address}]/`) && Number(bits) <= 128;
  const parts = address.split('.');
  const isAddress = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part));
  return isAddress && parts.every((part) => Number(part) <= 255) && Number(bits) <= 32;
}
