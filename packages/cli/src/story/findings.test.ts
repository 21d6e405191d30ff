import { expect, test } from 'vitest';
import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';
import { initialStatus } from '@galley/control/store/initial-status';
import { farthest } from './findings.ts';

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

test('the farthest is so beyond sampling, not the largest distance', () => {
  const found = farthest(
    status(stream('noisy', 0.2, 0.18, 0.02), stream('clear', 0.1, 0.02, 0.01)),
    'inputs',
  );
  expect(found?.id).toBe('clear');
  expect(farthest(status(), 'inputs')).toBeUndefined();
});
