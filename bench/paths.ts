import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchRow } from './row.ts';

const repository = join(import.meta.dirname, '..');

/** Median seconds per call. */
interface Pair {
  readonly plain: number;
  readonly counting: number;
}

interface Found {
  readonly functions: number;
  readonly one: Pair;
  readonly hundred: Pair;
  readonly features: Pair;
}

/** The flight-delay example's own predictor with its paths counted, as `serve` counts them, against the same functions without. */
export async function pathProfiling({
  signal,
}: {
  readonly signal: AbortSignal;
}): Promise<readonly BenchRow[]> {
  const installed = join(repository, '.tools/python/bin/python');
  const python = existsSync(installed) ? installed : 'python3';
  const { stdout } = await promisify(execFile)(python, [join(repository, 'bench/paths.py'), repository], {
    signal,
  });
  // Our own script, a line above: its shape is fixed there.
  const found = JSON.parse(stdout) as Found;
  const rows = `${found.functions} functions of the notebook and its module; data drawn, code and model the example's`;
  return [
    row('path profiling: predictor of the example, one row', found.one, '≤ 1.10×', rows),
    row('path profiling: predictor of the example, 100 rows', found.hundred, '≤ 1.10×', rows),
    row(
      'path profiling: the feature code alone, without the model',
      found.features,
      '—',
      'branches in plain Python, one flight a request: as much of it as there is',
    ),
  ];
}

function row(what: string, { plain, counting }: Pair, target: string, note: string): BenchRow {
  const ratio = `${(counting / plain).toFixed(2)}×`;
  return {
    what,
    ours: micro(counting),
    peer: `${micro(plain)} (the same code, not counted)`,
    ratio,
    target,
    note,
  };
}

function micro(seconds: number): string {
  return `${(seconds * 1e6).toFixed(seconds < 1e-4 ? 1 : 0)} µs`;
}
