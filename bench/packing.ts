import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLayoutStore } from '@galley/image/layout-store';
import { wheelLayers } from '@galley/image/wheel/wheel-layers';
import { median } from './report/median.ts';
import type { BenchRow } from './row.ts';

/** What a notebook with a model usually stands on, and the notebook tools. */
const roots = ['pandas', 'scikit-learn', 'nbclient', 'ipykernel', 'jupyterlab'];
const rounds = 3;

type Wheel = { readonly path: string; readonly sha256: string };

/** A tool that the bootstrap installed, else the machine's own. */
function tool(name: string, fallback: string): string {
  const installed = join(import.meta.dirname, '..', '.tools', 'bin', name);
  return existsSync(installed) ? installed : fallback;
}

async function run(command: readonly string[], signal: AbortSignal): Promise<number> {
  const [program = '', ...args] = command;
  const start = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], signal });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}`);
  return performance.now() - start;
}

function wheelsIn(folder: string): Wheel[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.whl'))
    .map((name) => {
      const path = join(folder, name);
      return { path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
    });
}

/** The layers twice: with nothing known, then with every wheel known. */
async function ours(
  wheels: readonly Wheel[],
  folder: string,
  signal: AbortSignal,
): Promise<[number, number]> {
  rmSync(folder, { recursive: true, force: true });
  const store = await openLayoutStore(join(folder, 'store'), { wipe: true });
  const environment = { prefix: '/opt/galley/env', pythonVersion: '3.11' };
  const options = { ...environment, cacheDir: join(folder, 'cache'), createdBy: 'bench', signal };
  const times: number[] = [];
  for (const expected of [false, true]) {
    const start = performance.now();
    const layers = await wheelLayers(store, wheels, options);
    times.push(performance.now() - start);
    if (layers.some((layer) => layer.cached !== expected))
      throw new Error('a layer was known, or unknown, wrongly');
  }
  const [first = 0, known = 0] = times;
  return [first, known];
}

/** The ordinary way: install, tar, compress. */
async function theirs(
  wheels: readonly Wheel[],
  folder: string,
  python: string,
  signal: AbortSignal,
): Promise<number> {
  mkdirSync(folder);
  const target = join(folder, 'target');
  const uv = [tool('uv', 'uv'), 'pip', 'install', '--quiet', '--no-deps', '--no-cache', '--python', python];
  const installed = await run([...uv, '--target', target, ...wheels.map(({ path }) => path)], signal);
  const packed = await run(['tar', '-C', target, '-cf', join(folder, 'layer.tar'), '.'], signal);
  return installed + packed + (await run(['gzip', '-6', join(folder, 'layer.tar')], signal));
}

function row(what: string, own: number, peer: number, target: string, note: string): BenchRow {
  const unit = own < 1000 ? `${own.toFixed(1)} ms` : `${(own / 1000).toFixed(2)} s`;
  const ratio = peer / own;
  return {
    what,
    ours: unit,
    peer: `${(peer / 1000).toFixed(1)} s (uv pip install --target, tar, gzip -6)`,
    ratio: `${ratio < 100 ? ratio.toFixed(1) : Math.round(ratio)}×`,
    target,
    note,
  };
}

/** Dependency layers from wheels on the disk, against unpacking and packing them again. */
export async function packing({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'galley-packing-'));
  try {
    const python = tool('python', 'python3');
    const download = join(folder, 'wheels');
    const pip = [python, '-m', 'pip', 'download', '--quiet', '--only-binary', ':all:', '--dest', download];
    await run([...pip, ...roots], signal);
    const wheels = wheelsIn(download);
    const bytes = wheels.reduce((sum, { path }) => sum + statSync(path).size, 0);
    const note = `${wheels.length} wheels, ${Math.round(bytes / 1e6)} MB; ours is synced to the disk, the peer is not`;
    const first: number[] = [];
    const known: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const [one, two] = await ours(wheels, join(folder, 'ours'), signal);
      first.push(one);
      known.push(two);
    }
    const peer = await theirs(wheels, join(folder, 'theirs'), python, signal);
    return [
      row('dependency layers, wheels on disk, first time', median(first), peer, '≥ 6×', note),
      row('dependency layers, every wheel known', median(known), peer, '≥ 50×', note),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
