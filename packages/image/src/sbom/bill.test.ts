import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { makeReferrer } from '../referrer/make-referrer.ts';
import { readReferrer } from '../referrer/read-referrer.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry } from '../tar/entry.ts';
import { billTypes, makeBill } from './bill.ts';

let folder: string;
let store: ImageStore;
let image: Image;
const site = 'opt/galley/env/lib/python3.11/site-packages';
const metadata = (name: string, version: string, more: string): string =>
  `Metadata-Version: 2.4\nName: ${name}\nVersion: ${version}\n${more}\n\nName: not this one\n`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-bill-'));
  store = await openLayoutStore(join(folder, 'store'));
  const status = [
    'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9+deb12u1)\nVersion: 2.36-9+deb12u10\nInstalled-Size: 13000\nHomepage: https://www.gnu.org/software/libc/\nDescription: GNU C Library: Shared libraries\n Contains the standard libraries.',
    'Package: libgcc-s1\nStatus: install ok installed\nArchitecture: amd64\nSource: gcc-12 (12.2.0-14)\nVersion: 1:12.2.0-14\nDescription: GCC support library',
  ].join('\n\n');
  const base = await buildLayer(
    store,
    [
      fileEntry(
        'usr/lib/os-release',
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
      ),
      fileEntry('var/lib/dpkg/status', `${status}\n`),
    ],
    { createdBy: 'galley base bookworm (2 packages)' },
  );
  const wheels = await buildLayer(
    store,
    [
      fileEntry(
        `${site}/numpy-2.4.6.dist-info/METADATA`,
        metadata(
          'numpy',
          '2.4.6',
          'Summary: Arrays\nLicense-Expression: BSD-3-Clause AND 0BSD\nHome-page: https://numpy.org',
        ),
      ),
      fileEntry(
        `${site}/Old_Name-1.0.dist-info/METADATA`,
        metadata('Old.Name', '1.0+local', 'License: BSD, see "LICENSE"'),
      ),
      // What is written there is a stranger's.
      fileEntry(
        `${site}/evil-1.dist-info/METADATA`,
        metadata('evil', '1"}],"x":["\u0007', 'Home-page: javascript:alert(1)'),
      ),
      fileEntry(`${site}/nameless-1.dist-info/METADATA`, metadata('', '1', '')),
    ],
    { createdBy: 'galley dependencies numpy 2.4.6' },
  );
  image = await assembleImage(store, {
    layers: [base, wheels],
    config: { Labels: { 'dev.galley.kind': 'service', other: 'not told' } },
    architecture: 'amd64',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const bill = (format: 'cyclonedx' | 'spdx'): Promise<string> =>
  makeBill(store, image, { format, name: 'default/iris:latest' });

test('the CycloneDX bill is valid by the official schema and names every package as scanners look it up', async () => {
  const text = await bill('cyclonedx');
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(text)).toBeNull();
  const value = JSON.parse(text);
  expect(value.components.map((one: { purl?: string }) => one.purl)).toEqual([
    undefined,
    'pkg:deb/debian/libc6@2.36-9+deb12u10?arch=amd64&distro=debian-12&upstream=glibc',
    'pkg:deb/debian/libgcc-s1@1:12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12',
    expect.stringContaining('pkg:pypi/evil@1'),
    'pkg:pypi/numpy@2.4.6',
    'pkg:pypi/old-name@1.0+local',
  ]);
  expect(value.metadata.component).toMatchObject({
    type: 'container',
    name: 'default/iris:latest',
    version: image.digest,
    purl: `pkg:oci/iris@${image.digest}`,
  });
  const numpy = value.components.find((one: { name: string }) => one.name === 'numpy');
  expect(numpy).toMatchObject({ licenses: [{ expression: 'BSD-3-Clause AND 0BSD' }], description: 'Arrays' });
  expect(text).not.toContain('javascript:');
  expect(text).not.toContain('not told');
});

test('the SPDX bill describes the image, which contains every package', async () => {
  const value = JSON.parse(await bill('spdx'));
  expect(value).toMatchObject({
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
  });
  expect(value.packages).toHaveLength(6);
  const ids = new Set(value.packages.map((one: { SPDXID: string }) => one.SPDXID));
  expect(ids.size).toBe(6);
  for (const one of value.relationships.slice(1)) {
    expect(one).toMatchObject({ spdxElementId: 'SPDXRef-image', relationshipType: 'CONTAINS' });
    expect(ids).toContain(one.relatedSpdxElement);
  }
  const byName = (name: string): Record<string, unknown> =>
    value.packages.find((one: { name: string }) => one.name === name);
  expect(byName('numpy')).toMatchObject({ licenseDeclared: 'BSD-3-Clause AND 0BSD' });
  expect(byName('old-name')).toMatchObject({
    licenseDeclared: 'NOASSERTION',
    licenseComments: 'The package says: BSD, see "LICENSE"',
  });
});

test('the same image gives the same bytes, and attaching them twice is attaching them once', async () => {
  for (const format of ['cyclonedx', 'spdx'] as const) {
    const text = await bill(format);
    expect(await bill(format)).toBe(text);
    const made = await makeReferrer(store, {
      subject: { digest: image.digest, mediaType: image.manifest.mediaType },
      artifactType: billTypes[format],
      contentType: billTypes[format],
      content: Buffer.from(text),
    });
    await store.putManifest(made);
    await store.putManifest(made);
  }
  const referrers = await store.referrers(image.digest);
  expect(referrers.map((one) => one.artifactType)).toEqual([billTypes.cyclonedx, billTypes.spdx]);
  const [content] = await readReferrer(store, referrers[0]?.digest ?? image.digest);
  expect(content?.bytes.toString()).toBe(await bill('cyclonedx'));
});
