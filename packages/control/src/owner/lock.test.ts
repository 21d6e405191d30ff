import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeOwner, lockHome } from './lock.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-lock-'));
  path = join(folder, 'owner.lock');
});
afterEach(() => rm(folder, { recursive: true }));

test('a second owner in the same process is refused until the first lets go', () => {
  const first = lockHome(path, 'server');
  expect(() => lockHome(path, 'server')).toThrow(expect.objectContaining({ code: 'HOME_IN_USE' }));
  first.release();
  lockHome(path, 'server').release();
});

test('the owner is named by its home, its pid and what it does, and kill -9 frees the home', async () => {
  const program = `
    import { lockHome } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    lockHome(${JSON.stringify(path)}, 'build');
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  await once(child.stdout, 'data');
  expect(homeOwner(path)).toMatchObject({ pid: child.pid, role: 'build' });
  expect(() => lockHome(path, 'server')).toThrow(
    expect.objectContaining({
      code: 'HOME_IN_USE',
      message: `The Galley home ${folder} belongs to a build: process ${child.pid}.`,
      details: { home: folder, pid: child.pid, role: 'build' },
    }),
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(homeOwner(path)).toBeUndefined();
  lockHome(path, 'server').release();
});

test('a lock of an older release is taken over', () => {
  const older = new DatabaseSync(path);
  older.exec('CREATE TABLE owner (pid INTEGER NOT NULL); INSERT INTO owner VALUES (1)');
  older.close();
  expect(homeOwner(path)).toBeUndefined();
  lockHome(path, 'server').release();
});
