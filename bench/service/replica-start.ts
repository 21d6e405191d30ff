import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { layoutOf, workloadPaths } from '../../packages/engine/src/runc/layout.ts';
import { median } from '../report/median.ts';
import type { BenchRow } from '../row.ts';
import { untilFirstAnswer, type Served, type ServedExample } from './served.ts';

const rounds = 7;
/** Ours, and what only a container has: the peer is an interpreter in the same files. */
const leftOut = /^(__main__|__mp_main__|galley_runtime)(\.|$)/;
const importAll = `
import importlib, json, sys
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except Exception:
        pass
`;

/**
 * From `ensure` to the first answered prediction, against the image's own interpreter that only imports the modules which the rehearsal found
 * loaded, from the image's own bytecode, in the mounted root of the replica: no container, no model, no socket.
 */
export async function replicaStart(served: ServedExample, signal: AbortSignal): Promise<BenchRow> {
  const names = served.rehearsal.modules.filter((name) => !leftOut.test(name));
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    signal.throwIfAborted();
    const id = `start-${round}`;
    const first = await untilFirstAnswer(served, id);
    const bare = await importsIn(rootOf(served, id), names);
    await served.home.engine.remove(id, 0);
    // The first round reads from the disk what the others find in memory.
    if (round === 0) continue;
    ours.push(first);
    peer.push(bare);
  }
  return {
    what: 'replica start to first answer, flight-delay',
    ours: `${median(ours).toFixed(0)} ms`,
    peer: `${median(peer).toFixed(0)} ms (bare interpreter, the same ${names.length} modules from bytecode)`,
    ratio: `${(median(ours) / median(peer)).toFixed(2)}×`,
    target: '≤ 1.3×',
    note: `median of ${rounds}, by turns; ours has the container, the model, its golden requests and the path profiler besides`,
  };
}

function rootOf(served: Served, id: string): string {
  return workloadPaths(layoutOf(`${served.home.root}/engine`, '/run/galley'), id).rootfs;
}

async function importsIn(root: string, names: readonly string[]): Promise<number> {
  const python = [
    '/opt/galley/env/bin/python',
    '-B',
    '-X',
    'pycache_prefix=/opt/galley/rehearsed/pycache',
    '-c',
    importAll,
  ];
  const from = performance.now();
  const running = promisify(execFile)('/usr/sbin/chroot', [root, ...python], {
    env: { OMP_NUM_THREADS: '1' },
  });
  running.child.stdin?.end(JSON.stringify(names));
  await running;
  return performance.now() - from;
}
