import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openRuncUnderTest, type RuncUnderTest } from '../packages/engine/src/contract/runc-under-test.ts';
import { layoutOf, workloadPaths, type Layout } from '../packages/engine/src/runc/layout.ts';
import { shiftBase } from '../packages/engine/src/runc/identity.ts';
import { findProgram } from '../packages/engine/src/runc/process/find-program.ts';
import { median } from './report/median.ts';
import type { BenchRow } from './row.ts';

const run = promisify(execFile);
const rounds = 15;
const program = 'pass';

/**
 * From the wish to the end of `python -c pass`: the engine against a script's worth of conmon and runc. The peer has the engine's own
 * config.json (same namespaces, seccomp, limits, mounts) and mounts the same layers; what it lacks is records, adoption and the files placed.
 */
export async function workloadStart({
  signal,
}: {
  readonly signal: AbortSignal;
}): Promise<readonly BenchRow[]> {
  const under = await openRuncUnderTest();
  try {
    const spec = await specOfRunning(under);
    const ours: number[] = [];
    const peer: number[] = [];
    for (let round = 0; round < rounds + 1; round += 1) {
      signal.throwIfAborted();
      const engine = await timed(() => throughEngine(under, `bench-${round}`));
      const bare = await timed(() => throughConmon(under, spec, `bare-${round}`));
      await under.engine.remove(`bench-${round}`, 0);
      await clearBare(under, `bare-${round}`);
      if (round === 0) continue;
      ours.push(engine);
      peer.push(bare);
    }
    return [
      {
        what: 'workload start to the end of `python -c pass`',
        ours: `${median(ours).toFixed(0)} ms`,
        peer: `${median(peer).toFixed(0)} ms (conmon + runc, same specification and layers)`,
        ratio: `${(median(ours) / median(peer)).toFixed(2)}×`,
        target: '≤ 1.2×',
        note: `median of ${rounds}, by turns`,
      },
    ];
  } finally {
    await under.dispose();
  }
}

async function timed(act: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await act();
  return performance.now() - from;
}

async function throughEngine(under: RuncUnderTest, id: string): Promise<void> {
  const ended = new AbortController();
  const watching = under.engine.watch(ended.signal);
  await under.engine.ensure(under.workload(id, program));
  for await (const status of watching) {
    if (status.id !== id || !['succeeded', 'failed'].includes(status.phase)) continue;
    if (status.phase === 'failed') throw new Error(`${id} failed: ${status.message ?? ''}`);
    break;
  }
  ended.abort();
}

const pattern = 'bench-pattern';

/** The config.json of a workload that runs, and the layers under it. */
async function specOfRunning(under: RuncUnderTest): Promise<{ config: string; lower: string }> {
  const paths = workloadPaths(layoutFor(under), pattern);
  await under.engine.ensure(under.workload(pattern, 'import time; time.sleep(600)'));
  const config = JSON.parse(await readFile(join(paths.bundle, 'config.json'), 'utf8')) as {
    process: { args: string[] };
  };
  config.process.args = config.process.args.map((word) => (word.startsWith('import time') ? program : word));
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const line = mounts.split('\n').find((one) => one.includes(` ${paths.rootfs} `)) ?? '';
  const names = /lowerdir=([^,]+)/.exec(line)?.[1]?.split(':') ?? [];
  const lower = await Promise.all(names.map((name) => run('readlink', ['-f', join(paths.lower, name)])));
  await under.engine.remove(pattern, 0);
  return { config: JSON.stringify(config), lower: lower.map(({ stdout }) => stdout.trim()).join(':') };
}

function layoutFor(under: RuncUnderTest): Layout {
  return layoutOf(under.root, under.runtimeBase);
}

/** What a careful script does: a tmpfs, an overlay, a bundle, conmon, `runc start`, the exit file. */
async function throughConmon(
  under: RuncUnderTest,
  spec: { readonly config: string; readonly lower: string },
  id: string,
): Promise<void> {
  const layout = layoutFor(under);
  const paths = workloadPaths(layout, id);
  for (const path of [paths.run, paths.bundle, paths.disk, paths.rootfs, dirname(paths.log)]) {
    await mkdir(path, { recursive: true, mode: 0o710 });
    await chown(path, 0, shiftBase);
  }
  await run('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=711', 'bench', paths.disk]);
  for (const name of ['upper', 'work', 'out', 'sock']) {
    await mkdir(join(paths.disk, name));
    await chmod(join(paths.disk, name), 0o777);
    await chown(join(paths.disk, name), shiftBase, shiftBase);
  }
  const overlay = `lowerdir=${spec.lower},upperdir=${join(paths.disk, 'upper')},workdir=${join(paths.disk, 'work')},volatile`;
  await run('mount', ['-t', 'overlay', '-o', overlay, 'bench', paths.rootfs]);
  await writeFile(join(paths.bundle, 'config.json'), spec.config.replaceAll(pattern, id));
  await symlink(paths.rootfs, join(paths.bundle, 'rootfs'));
  const args = [
    '--api-version=1',
    `--cid=${id}`,
    `--cuuid=${id}`,
    `--name=${id}`,
    `--runtime=${findProgram('runc') ?? 'runc'}`,
    `--bundle=${paths.bundle}`,
    `--container-pidfile=${join(paths.bundle, 'init.pid')}`,
    `--conmon-pidfile=${join(paths.bundle, 'conmon.pid')}`,
    '--full-attach',
    `--exit-dir=${layout.exits}`,
    `--persist-dir=${paths.bundle}`,
    `--log-path=k8s-file:${paths.log}`,
    `--runtime-arg=--root=${layout.runcState}`,
  ];
  const conmon = spawn('conmon', args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', _OCI_SYNCPIPE: '3' },
  });
  // stdio[3] is a pipe by the options above; the first chunk says that the container is there.
  const pipe = conmon.stdio[3] as Readable;
  const [answer] = (await new Promise<Buffer[]>((resolve) =>
    pipe.once('data', (chunk: Buffer) => resolve([chunk])),
  )) as [Buffer];
  if (!/"(pid|data)": *\d/.test(answer.toString())) throw new Error(`conmon: ${answer.toString()}`);
  await run('runc', ['--root', layout.runcState, 'start', id]);
  while (!existsSync(paths.exit)) await sleep(1);
  pipe.destroy();
}

async function clearBare(under: RuncUnderTest, id: string): Promise<void> {
  const layout = layoutFor(under);
  const paths = workloadPaths(layout, id);
  await run('runc', ['--root', layout.runcState, 'delete', '--force', id]);
  await run('umount', [paths.rootfs]);
  await run('umount', [paths.disk]);
  for (const path of [paths.run, paths.kept, paths.exit]) await rm(path, { recursive: true, force: true });
}
