// What a service must be allowed, for its line. Pure.
import type { Need } from '../interface.ts';
import type { LineSettings } from './config.ts';

export function needsOfLine(line: LineSettings): readonly Need[] {
  switch (line.kind) {
    case 'tcp-client':
      return [{ need: 'connect', host: line.host, port: line.port }];
    case 'tcp-server':
      return [{ need: 'listen', port: line.port, from: line.from }];
    case 'serial':
    case 'usb-printer':
      return [{ need: 'device', path: line.device }];
  }
}
