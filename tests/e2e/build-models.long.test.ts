import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildResult } from '@galley/build/build';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBuildHome, type BuildHome } from './build-home.ts';
import {
  doubling,
  goldenOf,
  layRepository,
  notebookOf,
  ranOf,
  threeNotebooks as files,
} from './made-repository.ts';

/** Notebooks that need not run again, and runs that go on where they were ended. */
let home: BuildHome;
let root: string;
beforeAll(async () => {
  home = await openBuildHome();
  root = await mkdtemp(join(tmpdir(), 'galley-models-'));
}, 60_000);
afterAll(async () => {
  await home.dispose();
  await rm(root, { recursive: true, force: true });
});

describe('several notebooks', () => {
  it(
    'run from the changed one on, and all of them when any other file changed',
    { timeout: 600_000 },
    async () => {
      await home.build(await layRepository(root, files), { name: 'stages' });
      const triple = notebookOf('factor = 3', doubling);
      const third = await home.build(await layRepository(root, { ...files, 'double.ipynb': triple }), {
        name: 'stages',
      });
      expect((await goldenOf(home.store, third)).predictions).toEqual([61]);
      expect(await ranOf(home.store, third)).toEqual(new Set(['double.ipynb', 'add.ipynb']));
      const other = await home.build(await layRepository(root, { ...files, 'data.csv': '1' }), {
        name: 'stages',
      });
      expect(await ranOf(home.store, other)).toContain('prepare.ipynb');
    },
  );

  it('keep what they left when a later one fails', { timeout: 400_000 }, async () => {
    const broken = {
      ...files,
      'prepare.ipynb': notebookOf('open("factor.txt", "w").write("5")'),
      'add.ipynb': notebookOf('1 / 0'),
    };
    await expect(home.build(await layRepository(root, broken), { name: 'later' })).rejects.toMatchObject({
      code: 'NOTEBOOK_FAILED',
    });
    const mended = await home.build(
      await layRepository(root, { ...broken, 'add.ipynb': files['add.ipynb'] }),
      {
        name: 'later',
      },
    );
    expect((await goldenOf(home.store, mended)).predictions).toEqual([101]);
    expect(await ranOf(home.store, mended)).toEqual(new Set(['add.ipynb']));
  });

  it(
    'run again when a later one misses what they left outside of the repository',
    { timeout: 400_000 },
    async () => {
      const outside = {
        'galley.yaml': 'build: {notebooks: [a.ipynb, b.ipynb]}',
        'a.ipynb': notebookOf('open("/tmp/outside.txt", "w").write("7")'),
        'b.ipynb': notebookOf(
          'seven = int(open("/tmp/outside.txt").read())',
          'predictor = lambda rows: [seven for row in rows]',
          'example = [{"x": 1}]',
        ),
      };
      // Each notebook has the same /tmp within one run.
      const before = await home.build(await layRepository(root, outside), { name: 'outside' });
      expect((await goldenOf(home.store, before)).predictions).toEqual([7]);
      const changed = { ...outside, 'b.ipynb': outside['b.ipynb'].replace('[seven for', '[-seven for') };
      const result = await home.build(await layRepository(root, changed), { name: 'outside' });
      expect([(await goldenOf(home.store, result)).predictions, await ranOf(home.store, result)]).toEqual([
        [-7],
        new Set(['a.ipynb', 'b.ipynb']),
      ]);
    },
  );
});

describe('a run that is ended from outside', () => {
  it('goes on from its checkpoints when it is tried again', { timeout: 400_000 }, async () => {
    const cell = [
      'import os, signal',
      'path = os.path.join(os.environ["GALLEY_CHECKPOINTS"], "epoch")',
      'epoch = int(open(path).read()) if os.path.exists(path) else 0',
      'open(path, "w").write(str(epoch + 1))',
      'if epoch < 2: os.kill(os.getpid(), signal.SIGKILL)',
      'predictor = lambda rows: [epoch for row in rows]',
      'example = [{"x": 1}]',
    ];
    const repository = await layRepository(root, { 'train.ipynb': notebookOf(cell.join('\n')) });
    const build = (): Promise<BuildResult> => home.build(repository, { name: 'checkpoints' });
    await expect(build()).rejects.toMatchObject({ code: 'NOTEBOOK_FAILED' });
    await expect(build()).rejects.toMatchObject({ code: 'NOTEBOOK_FAILED' });
    expect(home.events).toContainEqual(expect.objectContaining({ step: 'checkpoints', state: 'done' }));
    expect(await goldenOf(home.store, await build())).toMatchObject({ predictions: [2] });
  });
});
