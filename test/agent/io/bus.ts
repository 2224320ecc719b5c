// A D-Bus daemon of a few lines for the tests: authenticates anybody, says hello, and answers what the agent asks
// systemd: StartUnit, StopUnit, GetUnit and properties. No system service is needed.
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';

interface Message {
  readonly type: number;
  readonly serial: number;
  readonly member?: string;
  readonly path?: string;
  readonly body?: readonly unknown[];
}
/** The library's own wire format; it has no types and no public entry for it. */
const format = createRequire(import.meta.url)('dbus-next/lib/message.js') as {
  unmarshalMessages(stream: Socket, onMessage: (message: Message) => void, opts: object): void;
  marshall(message: object): [Buffer, unknown];
};
const METHOD_RETURN = 2;
const ERROR = 3;

export interface Bus {
  readonly address: string;
  close(): void;
}

/** `units` may be started and stopped; `is` says how the bus treats calls. */
export async function startBus(
  path: string,
  options: {
    readonly units: readonly string[];
    readonly is: 'well' | 'silent' | 'gone-after-hello';
    /** Of units that are loaded, by their names: signature and value. */
    readonly properties?: Readonly<
      Record<string, Readonly<Record<string, readonly [string, unknown]>>>
    >;
  },
): Promise<Bus> {
  const { units, is, properties = {} } = options;
  const sockets = new Set<Socket>();
  /** Without a signature the answer is an error. */
  const asked = (
    { member, path: object = '', body = [] }: Message,
    answer: (signature: string | undefined, ...body: unknown[]) => void,
  ): void => {
    const [first, second] = body.map(String);
    if (member === 'StartUnit' || member === 'StopUnit') {
      if (units.includes(first!)) answer('o', '/job/1');
      else answer(undefined, `Unit ${first} not found.`);
    } else if (member === 'GetUnit') {
      const at = Object.keys(properties).indexOf(first!);
      if (at >= 0) answer('o', `/unit/${at}`);
      else answer(undefined, `Unit ${first} not loaded.`);
    } else if (member === 'Get') {
      const of = Object.values(properties)[Number(object.split('/')[2])];
      answer('v', of![second!]);
    }
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let serial = 0;
    const reply = (to: Message, message: object): void => {
      serial += 1;
      const [bytes] = format.marshall({ serial, replySerial: to.serial, flags: 1, ...message });
      socket.write(bytes);
    };
    const answer = (message: Message): void => {
      if (message.member === 'Hello') {
        reply(message, { type: METHOD_RETURN, signature: 's', body: [':1.7'] });
        if (is === 'gone-after-hello') socket.destroy();
      } else if (is === 'well') {
        asked(message, (signature, ...body) => {
          if (signature !== undefined)
            return reply(message, { type: METHOD_RETURN, signature, body });
          const errorName = 'org.freedesktop.systemd1.NoSuchUnit';
          reply(message, { type: ERROR, errorName, signature: 's', body });
        });
      }
    };
    const authenticate = (): void => {
      const bytes = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
      if (bytes.includes('AUTH')) socket.write('OK 0123456789abcdef0123456789abcdef\r\n');
      const at = bytes.indexOf('BEGIN\r\n');
      if (at < 0) return;
      socket.off('readable', authenticate);
      // The first message comes with the last line.
      socket.unshift(bytes.subarray(at + 'BEGIN\r\n'.length));
      format.unmarshalMessages(socket, answer, {});
    };
    socket.on('readable', authenticate);
  });
  await new Promise<void>((done) => server.listen(path, done));
  return {
    address: `unix:path=${path}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
