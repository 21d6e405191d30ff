import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeNamedFile } from './write-named-file.ts';

test('a path that a flag named is written, and one that cannot be is the fault of who typed it', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'galley-named-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await writeNamedFile({ cwd }, 'counts.jsonl', 'new');
  expect(await readFile(join(cwd, 'counts.jsonl'), 'utf8')).toBe('new');
  await expect(writeNamedFile({ cwd }, 'nowhere/counts.jsonl', 'new')).rejects.toMatchObject({
    code: 'USAGE',
    message: "nowhere/counts.jsonl can't be written.",
  });
});
