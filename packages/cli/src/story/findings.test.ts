import { expect, test } from 'vitest';
import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';
import { initialStatus } from '@galley/control/store/initial-status';
import { farthest, firstFindings, hasMoved } from './findings.ts';

function stream(
  id: string,
  totalVariation: number,
  expectedBySampling: number,
  samplingSpread: number,
): StreamDistance {
  const rest = { group: 'inputs', n: 100, referenceN: 8000, jensenShannon: 0 };
  return { id, totalVariation, expectedBySampling, samplingSpread, ...rest };
}

function status(...streams: StreamDistance[]): MonitorStatus {
  return { ...initialStatus.Monitor, state: 'watching', streams };
}

test('far beyond what sampling gives has moved; near it, or hardly at all, has not', () => {
  expect(hasMoved(stream('clear', 0.11, 0.05, 0.01))).toBe(true);
  expect(hasMoved(stream('within chance', 0.09, 0.05, 0.01))).toBe(false);
  expect(hasMoved(stream('certain, but small', 0.04, 0.001, 0.001))).toBe(false);
});

test('each stream is found once, on the first day on which it had moved', () => {
  const windows = [
    { day: '2013-04-07', status: status(stream('a', 0.05, 0.05, 0.01), stream('b', 0.3, 0.05, 0.01)) },
    { day: '2013-04-14', status: status(stream('a', 0.2, 0.05, 0.01), stream('b', 0.4, 0.05, 0.01)) },
  ];
  expect(firstFindings(windows).map(({ day, stream: { id } }) => [day, id])).toEqual([
    ['2013-04-07', 'b'],
    ['2013-04-14', 'a'],
  ]);
});

test('the farthest is so beyond sampling, not the largest distance', () => {
  const found = farthest(
    status(stream('noisy', 0.2, 0.18, 0.02), stream('clear', 0.1, 0.02, 0.01)),
    'inputs',
  );
  expect(found?.id).toBe('clear');
  expect(farthest(status(), 'inputs')).toBeUndefined();
});
