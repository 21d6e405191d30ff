import { expect, test } from 'vitest';
import type { SourceEntry } from '../source/source-tree.ts';
import { parseReportLine, type ReportLine } from './report.ts';
import { missedElsewhere, stageKeys } from './stages.ts';
import type { TrainingInputs } from './training-key.ts';

const inputs: TrainingInputs = {
  project: 'default',
  source: `sha256:${'1'.repeat(64)}`,
  lock: `sha256:${'2'.repeat(64)}`,
  python: '3.11',
  notebooks: ['a.ipynb', 'b.ipynb', 'c.ipynb'],
  setUp: [],
  secretPaths: ['token', 'key'],
};
const files = { 'a.ipynb': '1', 'b.ipynb': '2', 'c.ipynb': '3', 'data.csv': '4' };

function keys(
  change: Record<string, string>,
  more: Partial<TrainingInputs> = {},
  owner = 'default/iris',
): Promise<readonly string[]> {
  const entries = Object.entries({ ...files, ...change }).map(([path, text]): SourceEntry => {
    const content = Buffer.from(text);
    return { kind: 'file', path, mode: 0o644, size: content.length, content };
  });
  return stageKeys({ entries }, { ...inputs, ...more }, owner);
}

test('a notebook is known by what it and those before it are, and by every other file', async () => {
  const [first, second] = await keys({});
  expect(await keys({ 'c.ipynb': 'other' })).toEqual([first, second]);
  expect((await keys({ 'b.ipynb': 'other' }))[0]).toBe(first);
  expect((await keys({ 'b.ipynb': 'other' }))[1]).not.toBe(second);
  for (const changed of [await keys({ 'data.csv': 'other' }), await keys({}, { python: '3.13' })]) {
    expect(changed).toHaveLength(2);
    expect(changed).not.toContain(first);
    expect(changed).not.toContain(second);
  }
});

test('the order in which secrets are named is no new training', async () => {
  expect(await keys({}, { secretPaths: ['key', 'token'] })).toEqual(await keys({}));
});

test('what notebooks left is not found by another application: its later notebooks may have written into it', async () => {
  const [first, second] = await keys({});
  const others = [...(await keys({}, {}, 'default/rose')), ...(await keys({}, {}, 'guests/iris'))];
  expect(others).not.toContain(first);
  expect(others).not.toContain(second);
});

const failed = (type: string): ReportLine =>
  parseReportLine({ notebook: 'b.ipynb', cell: 1, state: 'failed', error: { type } });

test('only a file that was missing outside of the folder that is kept makes the earlier notebooks run again', () => {
  expect(missedElsewhere([failed('FileNotFoundError')], [])).toBe(true);
  expect(missedElsewhere([failed('FileNotFoundError')], ['data/x.csv'])).toBe(false);
  expect(missedElsewhere([failed('ValueError')], [])).toBe(false);
});
