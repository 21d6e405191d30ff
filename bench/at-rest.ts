import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { homeLayout } from '../packages/control/src/owner/home.ts';
import { readServerFile } from '../packages/control/src/owner/server-file.ts';
import type { BenchRow } from './row.ts';

const galley = fileURLToPath(new URL('../bin/galley', import.meta.url));
const settleMs = 10_000;

/** Resident memory of the server and its gateway, with nothing deployed, ten seconds after the second start of a home. */
export async function atRest({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const home = await mkdtemp(join(tmpdir(), 'galley-rest-'));
  const env = { ...process.env, GALLEY_HOME: home, GALLEY_API_PORT: '0', GALLEY_GATEWAY_PORT: '0' };
  const server = (verb: string) => promisify(execFile)(galley, ['server', verb], { env, signal });
  try {
    // The first start makes the home's certificate, once in a year, and has our TypeScript stripped, once in a version.
    await server('start');
    await server('stop');
    await server('start');
    await sleep(settleMs, undefined, { signal });
    const { gateway: folder, serverFile } = homeLayout(home);
    const gateway = JSON.parse(await readFile(join(folder, 'gateway.json'), 'utf8')) as { pid: number };
    const control = await residentOf(readServerFile(serverFile)?.pid ?? 0);
    const carried = await residentOf(gateway.pid);
    const shared = Math.max(control.shared, carried.shared);
    return [
      {
        what: 'server at rest, control and gateway, resident memory',
        ours: megabytes(control.own + carried.own + shared),
        peer: '—',
        ratio: '—',
        target: '≤ 150 MB',
        note: `control ${megabytes(control.own)}, gateway ${megabytes(carried.own)}, and ${megabytes(shared)} of Node's own files that both map, counted once; the sum of their resident sets is ${megabytes(control.own + control.shared + carried.own + carried.shared)}`,
      },
    ];
  } finally {
    await promisify(execFile)(galley, ['server', 'stop'], { env });
    await rm(home, { recursive: true, force: true });
  }
}

/** Bytes of a process that are its own, and those of files that others map too. */
async function residentOf(pid: number): Promise<{ readonly own: number; readonly shared: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return {
    own: bytes('Private_Clean') + bytes('Private_Dirty'),
    shared: bytes('Shared_Clean') + bytes('Shared_Dirty'),
  };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
