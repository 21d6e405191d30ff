import type { PathRow } from '@galley/api/http/messages';
import { shares } from './distance.ts';
import type { Reference, ReferenceStream } from './reference.ts';
import { countsRow, type BucketSums } from './stream-sums.ts';

/** Every path through the scoring code, with its share now and in the reference; functions in order, most frequent path first. */
export function pathRows(reference: Reference, sums: BucketSums): readonly PathRow[] {
  return reference.streams.flatMap((stream) =>
    stream.group === 'paths' && stream.function !== undefined ? rowsOf(stream, sums) : [],
  );
}

function rowsOf(stream: ReferenceStream, sums: BucketSums): readonly PathRow[] {
  const now = shares(countsRow(sums.streams.get(stream.id), stream.cells.length));
  const before = shares(stream.counts.map(BigInt));
  const known = new Map((stream.paths ?? []).map((path) => [path.number, path]));
  return stream.cells
    .map((cell, index) => ({
      function: stream.function?.name ?? stream.id,
      notebook: stream.function?.notebook ?? null,
      cell: stream.function?.cell ?? null,
      file: stream.function?.file ?? null,
      path: cell,
      lines: known.get(cell)?.lines ?? [],
      fallback: known.get(cell)?.fallback ?? false,
      now: now[index] ?? 0,
      reference: before[index] ?? 0,
    }))
    .sort((a, b) => b.reference - a.reference || b.now - a.now || (a.path < b.path ? -1 : 1));
}
