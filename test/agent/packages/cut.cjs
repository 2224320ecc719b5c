// As update/cut.cjs, and for what packages do to the card by node:fs/promises: the plug is pulled before the
// operation whose number CLOCK_TEST_CUT says. Those of the records' file are counted by tiny.ts.
'use strict';
const fs = require('node:fs');
const promises = require('node:fs/promises');
const real = { appendFileSync: fs.appendFileSync, readFileSync: fs.readFileSync };
const file = process.env.CLOCK_TEST_COUNT;
const cut = Number(process.env.CLOCK_TEST_CUT);

globalThis.cutStep = (what) => {
  real.appendFileSync(file, `${what}\n`);
  if (real.readFileSync(file, 'utf8').split('\n').length - 1 === cut) {
    process.kill(process.pid, 'SIGKILL');
  }
};
const step = globalThis.cutStep;
for (const name of ['mkdir', 'rename', 'rm']) {
  const own = promises[name];
  promises[name] = async (...args) => {
    step(name);
    return own(...args);
  };
}
const { open } = promises;
promises.open = async (...args) => {
  const handle = await open(...args);
  for (const name of ['appendFile', 'writeFile', 'truncate', 'sync', 'close']) {
    const own = handle[name].bind(handle);
    handle[name] = async (...words) => {
      step(name);
      return own(...words);
    };
  }
  return handle;
};
