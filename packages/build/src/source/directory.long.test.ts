import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDirectory } from './directory.ts';
import type { SourceTree } from './source-tree.ts';
import { layFiles, runGit } from './under-test/repository.ts';

it(
  'a directory holds 100,000 files and no more, inside and outside a git work tree',
  { timeout: 600_000 },
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'galley-many-files-'));
    const path = join(root, 'repo');
    const open = (): Promise<SourceTree> => openDirectory(path, { spool: join(root, 'spool'), include: [] });
    try {
      await layFiles(path, { '.gitignore': '*.csv\nbuild/\n' });
      for (let folder = 0; folder < 100; folder += 1) {
        await mkdir(join(path, `d${folder}`));
        const names = Array.from({ length: 1000 }, (_, index) => join(path, `d${folder}`, `f${index}`));
        await Promise.all(names.map((name) => writeFile(name, '')));
      }
      await expect(open()).rejects.toMatchObject({
        code: 'SOURCE_TOO_LARGE',
        details: { maxFiles: 100_000 },
      });
      await rm(join(path, 'd0/f0'));
      const outside = await open();
      runGit(path, 'init', '-q');
      const inside = await open();
      expect([outside.entries.length, inside.digest]).toEqual([100_000, outside.digest]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
);
