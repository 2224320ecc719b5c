// Runs inside a unit under test, as root: does what the test says, by HTTP. It is put there by guest.ts and by
// nothing else; no image holds it.
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  let script = '';
  request.setEncoding('utf8').on('data', (text: string) => (script += text));
  request.on('end', () => {
    const options = { timeout: 240_000, maxBuffer: 8 << 20 };
    execFile('/bin/sh', ['-c', script], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : (error.code ?? 255);
      response.end(JSON.stringify({ code, stdout, stderr }));
    });
  });
});
server.listen(7_777);
