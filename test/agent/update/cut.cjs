// Loaded before the launcher (node --require): counts what a process does to the card, over all processes
// of one series, and pulls the plug before the operation whose number CLOCK_TEST_CUT says.
'use strict';
const fs = require('node:fs');
const promises = require('node:fs/promises');
const real = { readFileSync: fs.readFileSync, writeFileSync: fs.writeFileSync };
const file = process.env.CLOCK_TEST_COUNT;
const cut = Number(process.env.CLOCK_TEST_CUT);

function step(what) {
  let lines = '';
  try {
    lines = real.readFileSync(file, 'utf8');
  } catch {}
  lines += `${what}\n`;
  real.writeFileSync(file, lines);
  if (lines.split('\n').length - 1 === cut) process.kill(process.pid, 'SIGKILL');
}

for (const name of ['mkdirSync', 'writeFileSync', 'fsyncSync', 'renameSync', 'rmSync']) {
  const own = fs[name];
  fs[name] = (...args) => {
    // What is said is not on the card.
    if (args[0] !== 1) step(name);
    return own(...args);
  };
}
const { open } = promises;
promises.open = async (...args) => {
  const handle = await open(...args);
  for (const name of ['appendFile', 'truncate', 'sync', 'close']) {
    const own = handle[name].bind(handle);
    handle[name] = async (...words) => {
      step(name);
      return own(...words);
    };
  }
  return handle;
};
