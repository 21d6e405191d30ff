import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defaultSettings } from '@galley/control/monitor/judge/detector';
import { Judging } from '@galley/control/monitor/judge/judging';
import { isSame, replayFile } from './monitor-views.ts';

const scale = 2 ** 20;
const streams = [
  {
    id: 'input/x',
    group: 'inputs',
    kind: 'classes',
    cells: ['low', 'high'],
    counts: [5000 * scale, 5000 * scale],
    n: 10_000,
  },
];

/** The lines of a record of three hours; in the last of them half of what was low is high. */
function record(): string[] {
  const buckets = Array.from({ length: 36 }, (_, at) => {
    const low = at < 24 ? 50 : 25;
    return {
      bucket: 4_400_000 + at,
      requests: 100,
      streams: [{ id: 'input/x', n: 100, counts: [low * scale, (100 - low) * scale] }],
    };
  });
  const judging = new Judging(streams, defaultSettings);
  for (const bucket of buckets) {
    judging.add({ ...bucket, streams: new Map(bucket.streams.map((stream) => [stream.id, stream])) });
  }
  const head = {
    schema: 'galley.dev/verdict-record/v1',
    revision: 'iris-1',
    settings: defaultSettings,
    streams,
  };
  return [head, ...buckets, { verdict: judging.verdict() }].map((line) => JSON.stringify(line));
}

function written(lines: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'galley-record-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'counts.jsonl');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

test('a verdict is made again from a file, to the last bit', async () => {
  const replayed = await replayFile(written(record()), {});
  expect(replayed.verdict).toMatchObject({ state: 'drifting', requests: 3600 });
  expect(replayed.verdict.moved).toMatchObject([{ id: 'input/x', from: 0.5 }]);
  expect(isSame(replayed)).toBe(true);
});

test('a record in which one request was moved to another cell is found out', async () => {
  const lines = record().map((line) =>
    line.replace(`[${50 * scale},${50 * scale}]`, `[${49 * scale},${51 * scale}]`),
  );
  expect(isSame(await replayFile(written(lines), {}))).toBe(false);
});

test('another budget has its own threshold, and alike requests say less', async () => {
  const path = written(record());
  const strict = await replayFile(path, { falseAlarmsPerYear: 10, requestsAlike: 1000 });
  expect(strict.verdict).toMatchObject({
    state: 'blind',
    threshold: Math.log10(10_512),
    requestsAlike: 1000,
  });
});

test.each([
  ['ends before its verdict', (lines: readonly string[]) => lines.slice(0, -1)],
  ['does not begin as a record does', (lines: readonly string[]) => lines.slice(1)],
  ['has a line that belongs to none', (lines: readonly string[]) => ['{}', ...lines]],
])('a file that %s is refused', async (problem, spoil) => {
  await expect(replayFile(written(spoil(record())), {})).rejects.toMatchObject({
    code: 'USAGE',
    message: `This record of a verdict ${problem}.`,
  });
});

test('a line that is no JSON is named', async () => {
  await expect(replayFile(written(['{', ...record()]), {})).rejects.toThrow(/^Line 1 of .* is no JSON\.$/);
});

test('a file that is not there is told', async () => {
  await expect(replayFile('/nowhere/counts.jsonl', {})).rejects.toMatchObject({
    code: 'USAGE',
    message: "/nowhere/counts.jsonl can't be read.",
  });
});
