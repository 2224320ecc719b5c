// Files that are whole or not there, and what the file system refuses, in words.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OperatorError } from '../../../image/core/errors.ts';
import { refusedByDisk, saying, writeWhole } from '../../../image/core/files.ts';

test('several files come whole or not at all, and what was there before stays', () => {
  using at = fs.mkdtempDisposableSync(join(tmpdir(), 'clock-files-'));
  const [a, b] = [join(at.path, 'a'), join(at.path, 'b')];
  fs.writeFileSync(a, 'before');
  const nowhere = join(at.path, 'none/c');
  for (const last of [nowhere, '/dev/full']) {
    assert.throws(
      () => writeWhole([...[a, b, last].map((name) => [name, Buffer.from('new')] as const)]),
      (error: OperatorError) => error.message.includes(last) && error.hint !== undefined,
    );
    assert.deepEqual(fs.readdirSync(at.path), ['a']);
    assert.equal(fs.readFileSync(a, 'utf8'), 'before');
  }
  writeWhole([a, b].map((name) => [name, Buffer.from('new')]));
  assert.deepEqual(fs.readdirSync(at.path), ['a', 'b']);
  assert.equal(fs.readFileSync(a, 'utf8') + fs.readFileSync(b, 'utf8'), 'newnew');
});

test('a file that is replaced leaves its mode, also by a link; a device is written to', () => {
  using at = fs.mkdtempDisposableSync(join(tmpdir(), 'clock-files-'));
  const [file, link] = [join(at.path, 'file'), join(at.path, 'link')];
  fs.writeFileSync(file, 'old', { mode: 0o640 });
  fs.symlinkSync('file', link);
  writeWhole([
    [link, Buffer.from('new')],
    ['/dev/null', Buffer.from('new')],
  ]);
  assert.equal(fs.readFileSync(file, 'utf8'), 'new');
  assert.equal(fs.statSync(file).mode & 0o777, 0o640);
  assert.ok(fs.lstatSync(link).isSymbolicLink());
  assert.ok(fs.statSync('/dev/null').isCharacterDevice());
});

for (const [code, said, hint] of [
  ['ENOSPC', /no space left for stick\/a\.db/, /df -h/],
  ['EACCES', /This user may not read or change stick\/a\.db/, /root/],
  ['EROFS', /stick\/a\.db is on a disk that cannot be written/, /write-protected/],
  ['EIO', /stick\/a\.db cannot be read or written/, /dmesg/],
  ['EISDIR', /stick\/a\.db is a folder/, /Name a file/],
  ['ENOENT', /There is no stick\/a\.db/, /Look at the name/],
] as const) {
  test(`${code} is said of the file that was meant, with what to do`, () => {
    const refused = Object.assign(new Error(`${code}: refused`), {
      code,
      path: 'stick/a.db.x.part',
    });
    const inWords = refusedByDisk(refused, 'stick/a.db');
    assert.match(inWords!.message, said);
    assert.match(inWords!.hint!, hint);
    assert.match(refusedByDisk(refused)!.message, /stick\/a\.db\.x\.part/);
  });
}

test('what is no refusal of the file system stays what it is', () => {
  assert.equal(refusedByDisk(new TypeError('a defect')), undefined);
  const known = new OperatorError('x', 'y');
  assert.throws(
    () =>
      saying('file', () => {
        throw known;
      }),
    known,
  );
});
