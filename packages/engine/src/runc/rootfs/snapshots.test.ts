import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLayer } from '@galley/image/layer/build-layer';
import { openLayoutStore } from '@galley/image/layout-store';
import { fileEntry } from '@galley/image/tar/entry';
import { expect, test } from 'vitest';
import { runcUnavailable } from '../../contract/runc-under-test.ts';
import { layoutOf } from '../layout.ts';
import { openSnapshots } from './snapshots.ts';

const unavailable = runcUnavailable();

test.skipIf(unavailable !== undefined)(
  `a layer that claims the diff id of another one gets none of its files (${unavailable ?? 'runc'})`,
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'galley-snapshots-'));
    try {
      const store = await openLayoutStore(join(root, 'images'));
      const layout = layoutOf(join(root, 'engine'), join(root, 'run'));
      await mkdir(layout.tmp, { recursive: true });
      await mkdir(layout.snapshots, { recursive: true });
      const theirs = await buildLayer(store, [fileEntry('theirs', 'private\n')], { createdBy: 'theirs' });
      const mine = await buildLayer(store, [fileEntry('mine', 'x\n')], { createdBy: 'mine' });
      const snapshots = openSnapshots(layout, store);
      const [unpacked = ''] = await snapshots.ensure([theirs]);
      expect(await readdir(unpacked)).toEqual(['theirs']);
      await expect(snapshots.ensure([{ ...mine, diffId: theirs.diffId }])).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      expect(await snapshots.ensure([theirs])).toEqual([unpacked]);
    } finally {
      await rm(root, { recursive: true });
    }
  },
);
