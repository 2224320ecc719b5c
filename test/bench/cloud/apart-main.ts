// The program of a cloud apart (apart.ts): opens it as its argument says, and does what it is asked over
// the channel to its parent. Ends with the parent.
import type { CloudOptions } from './api.ts';
import { isCall } from './apart.ts';
import type { Asked, Told } from './apart.ts';
import { openCloud } from './cloud.ts';

const cloud = await openCloud(JSON.parse(process.argv[2] ?? '{}') as CloudOptions);
const tell = (told: Told): void => void process.send?.(told);

async function answer({ id, call, args }: Asked): Promise<Told> {
  try {
    if (!isCall(call)) throw new Error(`Not to be asked: ${call}`);
    const perform = cloud[call] as (...given: readonly unknown[]) => unknown;
    return { id, value: await perform(...args) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', (asked: Asked) => void answer(asked).then(tell));
process.once('disconnect', () => process.exit());
const { address, hosts, ports, rootsPem } = cloud;
tell({ ready: { address, hosts, ports, rootsPem } });
