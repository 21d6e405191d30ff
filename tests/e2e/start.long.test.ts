import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { galley } from '../cli/galley.ts';
import { leftovers } from './leftovers.ts';
import { waitUntil } from './wait-until.ts';

const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));

test(
  'npm start tells its story, stays up without a terminal, and leaves nothing after Ctrl-C',
  { timeout: 900_000 },
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'galley-start-'));
    const env = { ...process.env, GALLEY_HOME: home, GALLEY_API_PORT: '0', GALLEY_GATEWAY_PORT: '0' };
    // A process group of its own, so that Ctrl-C reaches all of it as a terminal's does.
    const child = spawn(bin, ['start'], { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    const closed = once(child, 'close');
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    try {
      const serving = (): Promise<true | undefined> =>
        Promise.resolve(said.includes('Serving until Ctrl-C.') || undefined);
      await waitUntil('the story is told', serving, 800_000);
      expect(said).toContain('flight-delay.ipynb cell 8 line 5');
      expect((await galley(['status'], { home })).stdout).toMatch(/flight-delay\s+Ready/);
      expect(child.exitCode).toBeNull();
      process.kill(-(child.pid ?? 0), 'SIGINT');
      expect((await closed)[0]).toBe(0);
      expect(await leftovers(home)).toEqual([]);
    } finally {
      if (child.exitCode === null) child.kill('SIGKILL');
      await galley(['server', 'stop'], { home });
      await rm(home, { recursive: true, force: true });
    }
  },
);
