import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'undici';
import type { BuildResult } from '../../packages/build/src/build.ts';
import { runWorkload } from '../../packages/build/src/workload/run-workload.ts';
import { rehearsalRecords, type Rehearsal } from '../../packages/build/src/rehearsal/rehearse.ts';
import type { Workload } from '../../packages/engine/src/engine.ts';
import type { BuildHome } from '../../tests/e2e/build-home.ts';

/** The example as it was built, in a home of its own. */
export interface Served {
  readonly home: BuildHome;
  readonly result: BuildResult;
  /** The first golden request, as a body for `/invocations`. */
  readonly body: string;
  /** A replica as a revision has it. */
  replica(id: string): Workload;
}

/** The only build of a home, with what its rehearsal found. */
export interface ServedExample extends Served {
  readonly rehearsal: Rehearsal;
}

/** Builds an example in `home`, which stays the caller's to dispose of, also when the build fails. */
export async function buildExample(home: BuildHome, name: string): Promise<ServedExample> {
  const path = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
  const served = await servedFrom(home, await home.build(path, { name }), name);
  // A home of its own has one rehearsal: this build's.
  const folder = join(home.root, 'cache/rehearsals');
  const [record = ''] = await readdir(folder);
  const rehearsals = rehearsalRecords({ cacheDir: join(home.root, 'cache') });
  const rehearsal = await rehearsals.get(record.split('.', 1)[0] ?? '');
  if (rehearsal === undefined) throw new Error(`${folder} has no rehearsal of ${name}`);
  return { ...served, rehearsal };
}

/** What was built in `home`, as a revision would run it. */
export async function servedFrom(home: BuildHome, result: BuildResult, name: string): Promise<Served> {
  // Written by our own rehearsal, and checked there.
  const golden = (await home.store.readJson(result.golden)) as {
    requests: { rows: unknown[] }[];
  };
  return {
    home,
    result,
    body: JSON.stringify({ dataframe_records: golden.requests[0]?.rows.slice(0, 1) }),
    replica: (id) => ({
      id,
      project: 'bench',
      image: result.image,
      command: [],
      env: {
        GALLEY_SOCKET_DIR: '/run/galley',
        GALLEY_APPLICATION: name,
        GALLEY_PROJECT: 'bench',
        OMP_NUM_THREADS: '1',
      },
      rootfs: 'readonly',
      limits: { memoryBytes: 1 << 30, cpus: 1, pids: 256, openFiles: 1024, diskBytes: 64 << 20 },
      files: {},
      secrets: {},
      tmpfs: ['/home/galley/.cache', '/home/galley/.config', '/home/galley/.local'],
      ports: [8080],
      egress: { index: false, hosts: [] },
      labels: {},
    }),
  };
}

/** A client on the replica's own socket, one connection kept. */
export function clientOf(served: Served, id: string): Client {
  const socketPath = served.home.engine.socketPath?.(id, 8080);
  if (socketPath === undefined) throw new Error(`${served.home.engine.name} has no sockets to connect to`);
  return new Client('http://replica', { socketPath });
}

/** Asks the golden request; the status, or 0 while nobody listens. */
export async function askOnce(client: Client, body: string): Promise<number> {
  try {
    const answer = await client.request({
      method: 'POST',
      path: '/invocations',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await answer.body.dump();
    return answer.statusCode;
  } catch {
    return 0;
  }
}

/** Milliseconds from `ensure` to the first answered prediction; the replica runs on. */
export async function untilFirstAnswer(served: Served, id: string): Promise<number> {
  const from = performance.now();
  await served.home.engine.ensure(served.replica(id));
  const client = clientOf(served, id);
  try {
    while ((await askOnce(client, served.body)) !== 200) {
      if (performance.now() - from > 300_000) throw new Error(`the replica ${id} did not answer`);
      await sleep(2);
    }
    return performance.now() - from;
  } finally {
    await client.close();
  }
}

/** Runs a workload to its end and gives what it printed. Throws when it failed. */
export async function runToEnd(served: Served, workload: Workload, signal: AbortSignal): Promise<string> {
  const lines: string[] = [];
  const onLine = ({ text }: { readonly text: string }): void => void lines.push(text);
  return runWorkload(workload, { engine: served.home.engine, signal, onLine }, ({ status }) => {
    const text = lines.join('\n');
    if (status.phase !== 'succeeded') throw new Error(`${workload.id} ended as ${status.phase}: ${text}`);
    return Promise.resolve(text);
  });
}
