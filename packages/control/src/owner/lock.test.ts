import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHome } from './lock.ts';
import { identifyProcess, processLives } from './process-identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a second owner in the same process is refused until the first lets go', () => {
  const path = join(folder, 'owner.lock');
  const first = lockHome(path, process.pid);
  expect(() => lockHome(path, process.pid)).toThrow(expect.objectContaining({ code: 'HOME_IN_USE' }));
  first.release();
  lockHome(path, process.pid).release();
});

test('the owner is named by its pid, and kill -9 frees the home', async () => {
  const path = join(folder, 'owner.lock');
  const program = `
    import { lockHome } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    lockHome(${JSON.stringify(path)}, process.pid);
    console.log('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  await once(child.stdout, 'data');
  const identity = identifyProcess(child.pid ?? -1);
  expect(() => lockHome(path, process.pid)).toThrow(
    expect.objectContaining({ code: 'HOME_IN_USE', details: { pid: child.pid } }),
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockHome(path, process.pid).release();
  expect(identity !== undefined && processLives(identity)).toBe(false);
});
