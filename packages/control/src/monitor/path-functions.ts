import type { PathFunction, PathOfFunction } from '@galley/api/http/messages';
import { shares } from './distance.ts';
import type { Reference, ReferenceStream } from './reference.ts';
import { countsRow, type BucketSums } from './stream-sums.ts';

type Known = NonNullable<ReferenceStream['paths']>[number];

/** Every function of the scoring code with its paths, their shares now and in the reference; functions in order, most frequent path first. */
export function pathFunctions(reference: Reference, sums: BucketSums): readonly PathFunction[] {
  return reference.streams.flatMap((stream) =>
    stream.group === 'paths' && stream.function !== undefined
      ? [functionOf(stream, stream.function, sums)]
      : [],
  );
}

function functionOf(
  stream: ReferenceStream,
  { name, notebook, cell, file }: NonNullable<ReferenceStream['function']>,
  sums: BucketSums,
): PathFunction {
  const sum = sums.streams.get(stream.id);
  const now = shares(countsRow(sum, stream.cells.length));
  const before = shares(stream.counts.map(BigInt));
  const known = new Map((stream.paths ?? []).map((path) => [path.number, path]));
  const paths = stream.cells.map((path, index) => ({
    ...described(path, known.get(path), stream),
    now: now[index] ?? 0,
    reference: before[index] ?? 0,
  }));
  const counted = new Set(stream.cells);
  return {
    name,
    notebook,
    cell,
    file,
    requests: Number(sum?.n ?? 0n),
    referenceRequests: stream.n,
    paths: paths.sort((a, b) => b.reference - a.reference || b.now - a.now || (a.path < b.path ? -1 : 1)),
    rare: [...known.values()]
      .filter((path) => !counted.has(path.number))
      .map((path) => described(path.number, path, stream)),
  };
}

function described(path: string, known: Known | undefined, stream: ReferenceStream): PathOfFunction {
  const decisions = (known?.answers ?? []).flatMap(([index, answer]) => {
    const asked = stream.questions?.[index];
    return asked === undefined ? [] : [{ line: asked[0], question: asked[1], answer }];
  });
  const lines = (known?.lines ?? []).map(([, line]) => line);
  return { path, lines, decisions, fallback: known?.fallback ?? false };
}
