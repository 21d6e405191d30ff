import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLayoutStore } from '@galley/image/layout-store';
import { wheelLayers } from '@galley/image/wheel/wheel-layers';
import { downloadWheels, environment, sizeOf, type Wheel } from './packing/wheels.ts';
import { has, timed, tool } from './peer/command.ts';
import { median } from './report/median.ts';
import type { BenchRow } from './row.ts';

/** What a notebook with a model usually stands on, and the notebook tools. */
const roots = ['pandas', 'scikit-learn', 'nbclient', 'ipykernel', 'jupyterlab'];
const rounds = 3;

/** The layers twice: with nothing known, then with every wheel known. */
async function ours(
  wheels: readonly Wheel[],
  folder: string,
  signal: AbortSignal,
): Promise<[number, number]> {
  await rm(folder, { recursive: true, force: true });
  const store = await openLayoutStore(join(folder, 'store'), { wipe: true });
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

interface Peers {
  readonly install: number;
  readonly gzip: number;
  /** Undefined: this machine has no pigz. */
  readonly pigz: number | undefined;
}

/** The ordinary way: install, tar, compress. */
async function theirs(wheels: readonly Wheel[], folder: string, signal: AbortSignal): Promise<Peers> {
  await mkdir(folder);
  const target = join(folder, 'target');
  const python = tool('python', 'python3');
  const uv = [tool('uv', 'uv'), 'pip', 'install', '--quiet', '--no-deps', '--no-cache', '--python', python];
  const files = wheels.map(({ path }) => path);
  const install = await timed([...uv, '--target', target, ...files], { signal });
  const pack = (compressor: string): Promise<number> => {
    const line = `tar -C "$0" -cf - . | ${compressor} -6 > "$1"`;
    const command = ['bash', '-o', 'pipefail', '-c', line, target, join(folder, compressor)];
    return timed(command, { signal });
  };
  return { install, gzip: await pack('gzip'), pigz: has('pigz') ? await pack('pigz') : undefined };
}

/** Dependency layers from wheels on the disk, against unpacking and packing them again. */
export async function packing({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-packing-'));
  try {
    const wheels = await downloadWheels(roots, join(folder, 'wheels'), signal);
    const note = `${sizeOf(wheels)}; ours is synced to the disk, the peer is not`;
    const first: number[] = [];
    const known: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const [one, two] = await ours(wheels, join(folder, 'ours'), signal);
      first.push(one);
      known.push(two);
    }
    const { install, gzip, pigz } = await theirs(wheels, join(folder, 'theirs'), signal);
    const row = (
      own: readonly number[],
      peer: number | undefined,
      name: string,
      target: string,
    ): BenchRow => ({
      what: `dependency layers, ${own === first ? 'wheels on disk, first time' : 'every wheel known'}`,
      ours: median(own) < 1000 ? `${median(own).toFixed(1)} ms` : `${(median(own) / 1000).toFixed(2)} s`,
      peer:
        peer === undefined ? `not run: this machine has no pigz` : `${(peer / 1000).toFixed(1)} s (${name})`,
      ratio: peer === undefined ? '—' : fold(peer / median(own)),
      target,
      note,
    });
    return [
      row(first, install + gzip, 'uv pip install --target, tar, gzip -6', '≥ 6×'),
      row(first, gzip, 'tar, gzip -6 of the installed files', '≥ 5×'),
      row(first, pigz, 'tar, pigz -6 of the installed files', '—'),
      row(known, gzip, 'tar, gzip -6 of the installed files', '≥ 50×'),
      row(known, pigz, 'tar, pigz -6 of the installed files', '≥ 50×'),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function fold(ratio: number): string {
  return `${ratio < 100 ? ratio.toFixed(1) : Math.round(ratio)}×`;
}
