import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '../assemble/assemble-image.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { fileEntry } from '../tar/entry.ts';
import { makeProvenance } from './make-provenance.ts';

let folder: string;
let image: Image;
const hex = (digit: string): string => digit.repeat(64);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-provenance-'));
  const store = await openLayoutStore(join(folder, 'store'));
  const layer = await buildLayer(store, [fileEntry('a', 'a')], {
    createdBy: 'galley dependencies numpy 2.4.6',
  });
  image = await assembleImage(store, {
    layers: [layer],
    config: {
      Labels: {
        'dev.galley.source': `sha256:${hex('1')}`,
        'dev.galley.lock': `sha256:${hex('2')}`,
        'dev.galley.training-key': hex('3'),
        'org.opencontainers.image.revision': 'c0ffee',
        other: 'x',
      },
    },
    architecture: 'amd64',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const contents = {
  distribution: { id: 'debian', version: '12', name: 'Debian' },
  packages: [
    {
      ecosystem: 'python',
      name: 'numpy',
      version: '2.4.6',
      sizeBytes: 1,
      layer: `sha256:${hex('4')}`,
      path: 'x',
    },
  ],
} as const;

test('an image alone says its source by digest and commit, its packages, its layers and what decided them', () => {
  const statement = makeProvenance({ image, name: 'default/iris:latest', contents });
  expect(statement).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'default/iris:latest', digest: { sha256: image.digest.slice(7) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        externalParameters: { source: { name: 'source', digest: { sha256: hex('1'), gitCommit: 'c0ffee' } } },
        internalParameters: {
          platform: 'linux/amd64',
          labels: { 'dev.galley.training-key': hex('3') },
          layers: [{ role: 'dependencies', from: 'numpy 2.4.6' }],
        },
        resolvedDependencies: [
          { name: 'source' },
          { name: 'python packages', digest: { sha256: hex('2') } },
          { uri: 'pkg:pypi/numpy@2.4.6' },
        ],
      },
    },
  });
  const text = JSON.stringify(statement);
  // Nothing is made up: no record, no times.
  expect(text).not.toMatch(/startedOn|byproducts|"other"/);
});

test('the record of a build adds address, times, allowed hosts and what it kept', () => {
  const statement = makeProvenance({
    image,
    name: 'iris',
    contents,
    build: {
      id: 'default/iris-3',
      sourceUrl: 'https://example.org/team/iris.git',
      sourceRef: 'main',
      startedAt: '2026-01-01T00:00:00Z',
      endedAt: '2026-01-01T00:01:00Z',
      egressHosts: ['data.example.org:443'],
      records: { report: `sha256:${hex('5')}` },
    },
  });
  expect(statement.predicate).toMatchObject({
    buildDefinition: {
      externalParameters: {
        source: { uri: 'git+https://example.org/team/iris.git@main' },
        egressHosts: ['data.example.org:443'],
      },
    },
    runDetails: {
      metadata: {
        invocationId: 'default/iris-3',
        startedOn: '2026-01-01T00:00:00Z',
        finishedOn: '2026-01-01T00:01:00Z',
      },
      byproducts: [{ name: 'report', digest: { sha256: hex('5') } }],
    },
  });
});
