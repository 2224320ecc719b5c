// `./build.sh clean`: removes what was built.
import { rm } from 'node:fs/promises';
import { relative } from 'node:path';
import { command } from '../command.ts';
import { BUILD } from './places.ts';

export const clean = command('clean', {
  summary: 'remove what was built',
  about: `Removes build/: images, releases, emulated cards, logs. What all builds share stays in
~/.cache/clock-iot-unit, also the development signing key.`,
  options: {},
  operands: [],
  examples: ['./build.sh clean'],
  logged: false,
  run: async (_, { print }) => {
    await rm(BUILD, { recursive: true, force: true });
    print(`${relative(process.cwd(), BUILD)} is gone; ./build.sh builds it again.`);
    return 0;
  },
});
