// `./build.sh boot`: starts an image on an emulated board.
import { join } from 'node:path';
import { command } from '../command.ts';
import { BUILD, existing, newestImage, wholeNumber } from './places.ts';

export const boot = command('boot', {
  summary: 'boot an image on an emulated board and print the address of its page',
  about: `Boots the newest image, or FILE, from a copy of its own: a card that is kept in build/emulator.
The page answers on this machine only. Ctrl-C pulls the plug.`,
  options: {
    board: {
      value: 'BOARD',
      choices: ['virt', 'raspi3b'],
      help: 'virt is quicker, raspi3b closer to a Pi',
      default: 'virt',
    },
    image: { value: 'FILE', help: 'the image to boot' },
    http: {
      value: 'PORT',
      accepts: wholeNumber(1, 65_535),
      help: "this machine's port for the page",
      default: '8080',
    },
  },
  operands: [],
  examples: ['./build.sh boot', './build.sh boot --board raspi3b --http 8081'],
  logged: true,
  run: async ({ values }, { progress, signal }) => {
    const file = values.image === undefined ? await newestImage() : await existing(values.image);
    const { boot: start, parseBoard } = await import('../../emulator/boot.ts');
    await start({
      board: parseBoard(values.board),
      image: file,
      httpPort: Number(values.http),
      work: join(BUILD, 'emulator'),
      progress,
      signal,
    });
    return 0;
  },
});
