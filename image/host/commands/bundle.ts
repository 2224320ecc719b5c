// `./build.sh bundle`: signs an agent that replaces the one on units.
import { relative, resolve } from 'node:path';
import { command } from '../command.ts';
import { HOME } from './places.ts';

export const bundle = command('bundle', {
  summary: 'sign an agent that replaces the one on units',
  about: `Bundles the agent alone and signs it, for units that are out there: the bundle, its manifest and
the document of an AWS IoT job "replace-agent". Units take it if it is newer than theirs and signed
with the key of their release (CLOCK_SIGNING_KEY, else this machine's development key).`,
  options: {
    bucket: {
      value: 'URL',
      help: 'where the bundle will lie, for AWS to sign a link',
      default: 'https://s3.amazonaws.com/BUCKET',
    },
    out: { value: 'DIR', help: 'where the files go', default: 'build/bundle' },
  },
  operands: [],
  examples: ['./build.sh bundle', 'CLOCK_SIGNING_KEY=factory.pem ./build.sh bundle'],
  logged: false,
  run: async ({ values }, { print }) => {
    const { makeReplacement } = await import('../../release/replace.ts');
    const outDir = resolve(HOME, values.out);
    const made = await makeReplacement({ home: HOME, outDir, bucket: values.bucket });
    for (const file of [made.file, made.manifest, made.job]) print(relative(process.cwd(), file));
    if (made.development)
      print('Signed with the development key: only units of images made here take it.');
    return 0;
  },
});
