import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBuildHome, type BuildHome } from './build-home.ts';
import { goldenOf, layRepository, notebookOf, ranOf, threeNotebooks as files } from './made-repository.ts';

/** What a repository may hold instead of one notebook, from its files to an image that answers: real base, real containers. */
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

describe('a script', () => {
  it('is built and answers as a notebook does', { timeout: 400_000 }, async () => {
    const text = [
      'import os',
      'HERE = os.path.dirname(os.path.abspath(__file__))',
      '# %%',
      'open(os.path.join(HERE, "factor.txt"), "w").write("3")',
      '# %%',
      'def predictor(rows):',
      '    return [row["x"] * int(open("factor.txt").read()) for row in rows]',
      '# %% tags=["example"]',
      'predictor([{"x": 14}])',
    ];
    const result = await home.build(await layRepository(root, { 'train.py': text.join('\n') }), {
      name: 'script',
    });
    expect(await goldenOf(home.store, result)).toMatchObject({ rows: [{ x: 14 }], predictions: [42] });
  });
});

describe('several notebooks', () => {
  it(
    'are one model; after a change only the notebooks from the changed one on run',
    { timeout: 400_000 },
    async () => {
      const first = await home.build(await layRepository(root, files), { name: 'stages' });
      expect((await goldenOf(home.store, first)).predictions).toEqual([41]);
      expect(await ranOf(home.store, first)).toEqual(new Set(['prepare.ipynb', 'double.ipynb', 'add.ipynb']));
      const add = notebookOf(
        'stage = lambda numbers: [number + 2 for number in numbers]',
        'example = [{"x": 20}]',
      );
      const second = await home.build(await layRepository(root, { ...files, 'add.ipynb': add }), {
        name: 'stages',
      });
      expect((await goldenOf(home.store, second)).predictions).toEqual([42]);
      expect(await ranOf(home.store, second)).toEqual(new Set(['add.ipynb']));
      expect(home.events).toContainEqual(
        expect.objectContaining({ phase: 'training', step: '2 of 3 notebooks', state: 'skipped' }),
      );
    },
  );
});
