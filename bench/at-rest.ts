import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { homeLayout } from '../packages/control/src/owner/home.ts';
import { readServerFile } from '../packages/control/src/owner/server-file.ts';
import type { BenchRow } from './row.ts';

const main = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url));
const settleMs = 10_000;

/** Resident memory of the server and its gateway, with nothing deployed, ten seconds after the start. */
export async function atRest({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const home = await mkdtemp(join(tmpdir(), 'galley-rest-'));
  const env = { ...process.env, GALLEY_HOME: home, GALLEY_API_PORT: '0', GALLEY_GATEWAY_PORT: '0' };
  const server = spawn(process.execPath, [main, 'server', 'run'], { env, stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  try {
    const layout = homeLayout(home);
    while (readServerFile(layout.serverFile) === undefined) await sleep(50, undefined, { signal });
    await sleep(settleMs, undefined, { signal });
    const gateway = JSON.parse(await readFile(join(layout.gateway, 'gateway.json'), 'utf8')) as {
      pid: number;
    };
    const [control, carried] = await Promise.all([
      residentBytes(server.pid ?? 0),
      residentBytes(gateway.pid),
    ]);
    return [
      {
        what: 'server at rest, control and gateway, resident memory',
        ours: `${Math.round((control + carried) / 1e6)} MB`,
        peer: '—',
        ratio: '—',
        target: '≤ 150 MB',
        note: `control ${Math.round(control / 1e6)} MB, gateway ${Math.round(carried / 1e6)} MB; pages that both share count twice`,
      },
    ];
  } finally {
    server.kill('SIGTERM');
    await ended;
    await rm(home, { recursive: true, force: true });
  }
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
