// dpkg's status to SPDX.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDpkgStatus, spdxDocument } from '../../../image/release/sbom.ts';

const STATUS = `Package: zlib1g
Status: install ok installed
Architecture: arm64
Source: zlib
Version: 1:1.3.1-1

Package: gone
Status: deinstall ok config-files
Architecture: arm64
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.152
`;

test('parseDpkgStatus() lists installed packages, sorted', () => {
  assert.deepEqual(parseDpkgStatus(STATUS), [
    { name: 'adduser', version: '3.152', architecture: 'all', source: 'adduser' },
    { name: 'zlib1g', version: '1:1.3.1-1', architecture: 'arm64', source: 'zlib' },
  ]);
});

test('spdxDocument() names each package by purl', () => {
  const document = spdxDocument(parseDpkgStatus(STATUS), {
    name: 'x',
    createdIso: '2026-01-01T00:00:00Z',
  });
  assert.match(JSON.stringify(document), /pkg:deb\/debian\/zlib1g@1%3A1\.3\.1-1\?arch=arm64/);
});
