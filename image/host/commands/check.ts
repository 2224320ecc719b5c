// `./build.sh check`: what this machine lacks.
import { command } from '../command.ts';
import { HOME } from './places.ts';

export const check = command('check', {
  summary: 'say what this machine lacks',
  about: `Looks at this machine and changes nothing: packages, the handler for arm64 programs, rights,
space. Ends with 1 when something is missing.`,
  options: {},
  operands: [],
  examples: ['./build.sh check'],
  logged: false,
  run: async (_, { print }) => {
    const { judge, readMachine, renderFindings } = await import('../machine.ts');
    const findings = judge(await readMachine(HOME));
    print(renderFindings(findings));
    return findings.some(({ state }) => state === 'failed') ? 1 : 0;
  },
});
