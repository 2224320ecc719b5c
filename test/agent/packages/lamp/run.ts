// The smallest interface there can be, for the tests of packages: a line, and a lamp on each room's message light.
import type { Interface } from '../../../../agent/core/interface.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';

export const lamp: Interface<Settings> = {
  name: 'lamp',
  title: 'Lamp of the tests',
  takes: ['message.light'],
  emits: ['bytes.read'],
  parse,
  needs: ({ host, port }) => [{ need: 'connect', host, port }],
  start: (settings, host) => {
    const { host: name, port, ...rest } = settings;
    const line = host.openLine(
      {
        kind: 'tcp-client',
        host: name,
        port,
        reconnect: { firstSeconds: 0.1, maxSeconds: 1 },
        ...rest,
      },
      {
        up: (peer) => host.talk({ at: 'up', with: peer }),
        down: (why) => host.talk({ at: 'down', why }),
        bytes: (chunk) =>
          void host.emit({ kind: 'bytes.read', key: 'x', data: chunk.toString('base64') }),
        note: () => {},
      },
    );
    return {
      handle: async (order) => {
        if (order.kind !== 'message.light') return { ok: false, why: 'unsupported' };
        await line.write(Buffer.from(order.isOn ? '1' : '0'));
        return { ok: true };
      },
      close: async () => line.close(),
    };
  },
  test: async () => [],
  counterpart: () => ({ close: () => {} }),
};
