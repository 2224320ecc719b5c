// The cloud for people: `npm run bench:cloud [-- --ports MQTT,ALPN,HTTPS] [--folder DIR] [--keep]`.
// Prints where it listens and everything it sees; takes commands. Writes a claim and the roots into the
// folder.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { OperatorError } from '../../../image/core/errors.ts';
import type { Announcement } from '../../../image/ledger/registration.ts';
import type { Cloud } from './api.ts';
import { openCloud } from './cloud.ts';

const USAGE = `Usage: npm run bench:cloud -- [--ports 8883,1443,8443] [--folder build/cloud] [--keep]
--keep: what the cloud knows stays in the folder, and is there at the next start`;
const HELP = `view                     what the cloud knows: units, connections, shadows, jobs
events                   who came and went, and why
thing NAME               a thing and its certificate, without provisioning
publish TOPIC TEXT       as the cloud
desire THING SHADOW JSON into the shadow's desired state
job THING ID JSON        a job for the thing
fault JSON               trouble, as in faults.ts: {"at":"connect","do":"refuse","code":3,"times":2}
calm                     no more trouble
drop CLIENT              close a client's connection
announce FILE            which cards may register: what "./build.sh unit export --out FILE" wrote
revoke CERTIFICATE       its id, as "view" shows it
advance SECONDS          move the cloud's clock
help                     print this
`;

interface Bench {
  readonly cloud: Cloud;
  readonly folder: string;
  readonly undo: (() => void)[];
}

async function obey({ cloud, folder, undo }: Bench, line: string): Promise<string> {
  const [verb = '', first = '', second = ''] = line.trim().split(/\s+/);
  const rest = line.trim().split(/\s+/).slice(2).join(' ');
  switch (verb) {
    case '':
      return '';
    case 'view':
      return `${JSON.stringify({ ...cloud.view(), events: undefined }, null, 2)}\n`;
    case 'events':
      return `${cloud
        .events()
        .map((event) => JSON.stringify(event))
        .join('\n')}\n`;
    case 'thing':
      return writeCredentials(folder, first, cloud.addThing(first));
    case 'publish':
      cloud.publish(first, rest);
      return '';
    case 'desire': {
      const state = JSON.parse(rest.slice(second.length)) as object;
      return `version ${cloud.shadow(first, second).desire(state)}\n`;
    }
    case 'job': {
      const document = JSON.parse(rest.slice(second.length) || '{}') as Record<string, never>;
      return `${cloud.jobs(first).create({ jobId: second, document }).status}\n`;
    }
    case 'fault': {
      const fault = JSON.parse(line.trim().slice('fault'.length)) as Parameters<Cloud['inject']>[0];
      const injected = cloud.inject(fault);
      undo.push(() => injected.undo());
      return '';
    }
    case 'calm':
      for (const one of undo.splice(0)) one();
      return '';
    case 'drop':
      cloud.disconnect(first);
      return '';
    case 'announce': {
      const { units } = JSON.parse(await readFile(first, 'utf8')) as { units: Announcement[] };
      cloud.announce(units);
      return `${units.length} serials\n`;
    }
    case 'revoke':
      cloud.setCertificate(first, 'REVOKED');
      return '';
    case 'advance':
      cloud.advance(Number(first) * 1_000);
      return '';
    default:
      return HELP;
  }
}

async function writeCredentials(
  folder: string,
  name: string,
  { certPem, keyPem }: ReturnType<Cloud['makeClaim']>,
): Promise<string> {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  await writeFile(cert, certPem);
  await writeFile(key, keyPem, { mode: 0o600 });
  return `certificate ${cert}\nkey         ${key}\n`;
}

function portsOf(
  text: string | undefined,
): { mqtt: number; alpn: number; https: number } | undefined {
  if (text === undefined) return undefined;
  const [mqtt = Number.NaN, alpn = Number.NaN, https = Number.NaN] = text.split(',').map(Number);
  if ([mqtt, alpn, https].every((port) => Number.isInteger(port) && port >= 0 && port < 65_536)) {
    return { mqtt, alpn, https };
  }
  throw new OperatorError('usage', `--ports ${text}: not three ports`, { hint: USAGE });
}

async function main(argv: readonly string[]): Promise<void> {
  const options = {
    ports: { type: 'string' },
    folder: { type: 'string', default: 'build/cloud' },
    keep: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...argv], options });
  const say = (text: string): boolean => process.stdout.write(text);
  const ports = portsOf(values.ports);
  await using cloud = await openCloud({
    ...(ports && { ports }),
    ...(values.keep && { keep: values.folder }),
    onLine: (line) => say(`${line}\n`),
  });
  const { folder } = values;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'roots.pem'), cloud.rootsPem);
  say(`A double of AWS IoT Core, for the bench. Not the production cloud.
endpoint    ${cloud.hosts.join(' ')} (SNI), at ${cloud.address}
MQTT        ${cloud.ports.mqtt} as 8883
MQTT, ALPN  ${cloud.ports.alpn} as 443
HTTPS       ${cloud.ports.https} as 8443
template    ${cloud.template}
roots       ${join(folder, 'roots.pem')}
${await writeCredentials(folder, 'claim', cloud.makeClaim())}
${HELP}
`);
  const bench: Bench = { cloud, folder, undo: [] };
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await obey(bench, line).catch(
      (error: unknown) => `${error instanceof Error ? error.message : String(error)}\n`,
    );
    say(answer);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { message, stack, hint } = error as OperatorError;
  const isKnown = error instanceof OperatorError;
  process.stderr.write(isKnown ? `${message}\n  → ${hint ?? ''}\n` : `${stack ?? String(error)}\n`);
  process.exitCode = 1;
});
