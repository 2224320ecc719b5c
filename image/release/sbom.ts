// The release's packages as SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/), from dpkg's status.
// Pure. Says what is installed, not what its licences mean.

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
}

/** Reads dpkg's status file (deb-control paragraphs); only installed packages. */
export function parseDpkgStatus(text: string): Package[] {
  const packages: Package[] = [];
  for (const paragraph of text.split(/\n\n+/)) {
    const field = (name: string): string =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    if (!/^Status: .* installed$/m.test(paragraph)) continue;
    packages.push({
      name: field('Package'),
      version: field('Version'),
      architecture: field('Architecture'),
      source: field('Source').split(' ')[0] || field('Package'),
    });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An SPDX document (JSON-ready). `createdIso` is the build's own time, not the clock's. */
export function spdxDocument(
  packages: readonly Package[],
  { name, createdIso }: { readonly name: string; readonly createdIso: string },
): Record<string, unknown> {
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `urn:clock-iot-unit:${name}`,
    creationInfo: { created: createdIso, creators: ['Tool: clock-iot-unit-image-builder'] },
    packages: packages.map((item) => ({
      SPDXID: `SPDXRef-${item.name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`,
      name: item.name,
      versionInfo: item.version,
      downloadLocation: 'NOASSERTION',
      filesAnalyzed: false,
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: 'NOASSERTION',
      copyrightText: 'NOASSERTION',
      externalRefs: [
        {
          referenceCategory: 'PACKAGE-MANAGER',
          referenceType: 'purl',
          referenceLocator: purl(item),
        },
      ],
    })),
  };
}

function purl({ name, version, architecture }: Package): string {
  const type = name.startsWith('node-linux-') ? 'npm' : 'deb/debian';
  const arch = type === 'npm' ? '' : `?arch=${architecture}`;
  return `pkg:${type}/${name}@${encodeURIComponent(version)}${arch}`;
}
