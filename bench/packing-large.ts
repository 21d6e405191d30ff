import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadWheels, sizeOf } from './packing/wheels.ts';
import type { BenchRow } from './row.ts';

interface Packed {
  readonly ms: number;
  readonly layers: number;
  readonly tarBytes: number;
  readonly residentBytes: number;
}

/** Memory of a process that packs torch with all of its CUDA wheels, 3 GB of them. Downloads them first. */
export async function packingLarge({
  signal,
}: {
  readonly signal: AbortSignal;
}): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'galley-packing-large-'));
  try {
    const wheels = await downloadWheels(['torch'], join(folder, 'wheels'), signal);
    await writeFile(join(folder, 'wheels.json'), JSON.stringify(wheels));
    const program = join(import.meta.dirname, 'packing/pack-alone.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [program, folder], { signal });
    const packed = JSON.parse(stdout) as Packed;
    return [
      {
        what: "packing torch with its CUDA wheels: the process's memory at most",
        ours: `${Math.round(packed.residentBytes / 1e6)} MB`,
        peer: '—',
        ratio: '—',
        target: '≤ 300 MB',
        note: `${sizeOf(wheels)}, ${(packed.tarBytes / 1e9).toFixed(1)} GB unpacked, ${packed.layers} layers in ${(packed.ms / 1000).toFixed(1)} s`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
