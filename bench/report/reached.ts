import type { BenchRow } from '../row.ts';

/**
 * Whether a row's figure meets its target: `1.14×` against `≤ 1.2×`. Undefined where the two cannot be compared, for they
 * have other units or are no figures; the table then shows `?` and nobody can take it for success.
 */
export function reached(row: BenchRow): boolean | undefined {
  const target = /^(≤|≥)\s*([\d.]+)\s*(\S.*)?$/.exec(row.target.trim());
  const figure = /^([\d.]+)\s*(\S+)?/.exec((row.ratio === '—' ? row.ours : row.ratio).trim());
  if (target === null || figure === null || (target[3] ?? '') !== (figure[2] ?? '')) return undefined;
  const [limit, value] = [Number(target[2]), Number(figure[1])];
  if (Number.isNaN(limit) || Number.isNaN(value)) return undefined;
  return target[1] === '≤' ? value <= limit : value >= limit;
}
