// `./build.sh package-interface`: signs one interface.
import { relative, resolve } from 'node:path';
import { command } from '../command.ts';
import { HOME } from './places.ts';

export const packageInterface = command('package-interface', {
  summary: 'sign an interface that units install beside those they have',
  about: `Makes one file of the interface in DIR (run.ts, interface.json), checks that it imports nothing
but agent/core and itself, signs it (CLOCK_SIGNING_KEY, else this machine's development key) and
says in plain words what it may. The job's document approves exactly that.`,
  options: {
    key: { value: 'FILE', help: 'the private key to sign with, PEM' },
    bucket: {
      value: 'URL',
      help: 'where the package will lie, for AWS to sign a link',
      default: 'https://s3.amazonaws.com/BUCKET',
    },
    out: { value: 'DIR', help: 'where the files go', default: 'build/packages' },
  },
  operands: ['DIR'],
  examples: ['./build.sh package-interface agent/interfaces/bytes'],
  logged: false,
  run: async ({ values, operands: [folder] }, { print }) => {
    const { inWords, makePackage } = await import('../../release/package.ts');
    const { developmentKeyFile, signingKey } = await import('../../release/sign.ts');
    const key = await signingKey(developmentKeyFile(), values.key);
    const outDir = resolve(HOME, values.out);
    const place = { home: HOME, folder: resolve(folder!), outDir, bucket: values.bucket };
    const made = await makePackage({ ...place, key });
    print(inWords(made));
    for (const file of Object.values(made.files)) print(relative(process.cwd(), file));
    if (key.development)
      print('Signed with the development key: only units of images made here take it.');
    return 0;
  },
});
