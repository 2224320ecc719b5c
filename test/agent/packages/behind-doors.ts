// A process of its own that loads the package text of its standard input as a service would, and prints what came
// of it. The doors close for good: hence not in the test's own process.
import { text } from 'node:stream/consumers';
import { closeDoors, loadPackage } from '../../../agent/io/load-package.ts';
import { packageKeys } from '../../../agent/packages/wire.ts';

interface Given {
  readonly js: string;
  readonly jws: string;
  readonly publicPem: string;
}

const { js, jws, publicPem } = JSON.parse(await text(process.stdin)) as Given;
closeDoors();
const loaded = loadPackage({ bytes: Buffer.from(js), jws, name: 'lamp' }, packageKeys(publicPem));
const stolen = (globalThis as { readonly stolen?: unknown }).stolen;
// What begins on the way may end later.
await new Promise((done) => {
  setTimeout(done, 20);
});
process.stdout.write(
  JSON.stringify({
    ...(loaded.ok
      ? { needs: loaded.interface.needs({ host: 'a', port: 1 }) }
      : { why: loaded.why }),
    stolen: stolen ?? (globalThis as { readonly stolen?: unknown }).stolen ?? null,
  }),
);
