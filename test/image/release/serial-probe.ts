// Bundled as the agent is, for serial.test.ts: opens the serial port it is given, says hello, and prints what
// comes back or why there is no port. Ends by itself.
import { createOpenLine } from '../../../agent/io/line.ts';

const [, , device = ''] = process.argv;
const line = createOpenLine(Math.random)(
  {
    ...{ kind: 'serial', device, baud: 9_600, dataBits: 8, parity: 'none', stopBits: 1 },
    ...{ flow: 'none', reconnect: { firstSeconds: 1, maxSeconds: 1 } },
  },
  {
    up: () => void line.write(Buffer.from('hello')),
    bytes: (chunk) => finish(chunk.toString()),
    down: (why) => finish(why),
    note: () => {},
  },
);
console.log('loaded');

function finish(text: string): void {
  console.log(text);
  void line.close();
}
