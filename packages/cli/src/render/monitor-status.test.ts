import { expect, test } from 'vitest';
import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';
import { initialStatus } from '@galley/control/store/initial-status';
import { describeMonitor } from './monitor-status.ts';

const status: MonitorStatus = {
  ...initialStatus.Monitor,
  revision: 'iris-1',
  state: 'watching',
  origin: 'held-out',
  requests: 1234,
  referenceRequests: 10_000,
};

function stream(id: string, more: Partial<StreamDistance> = {}): StreamDistance {
  const shares = {
    gained: { cell: 'UA', from: 0.1, to: 0.25 },
    lost: { cell: '(5, 7]', from: 0.2, to: 0.1 },
  };
  const figures = {
    totalVariation: 0.21,
    expectedBySampling: 0.03,
    samplingSpread: 0.006,
    jensenShannon: 0.1,
  };
  return { id, group: 'inputs', n: 1234, referenceN: 8000, ...figures, ...shares, ...more };
}

test('a stream is a line: its name in words, requests, distance, what sampling gives, and which cells moved', () => {
  const text = describeMonitor('iris', { ...status, streams: [stream('input/time_hour/hour')] }, false);
  expect(text.split('\n').slice(0, 5)).toEqual([
    'Monitor iris: 1,234 requests to iris-1, against 10,000 requests of the reference (held-out)',
    '',
    '                          REQUESTS  DISTANCE    BY SAMPLING  MOVED MOST',
    'inputs',
    '  time_hour, hour of day     1,234     0.210  0.030 ± 0.006  UA          10.0 % → 25.0 %',
  ]);
});

test('what is missing from the counts is said in the first line, and why in the next', () => {
  const counts = { refused: 3, failures: 1, lost: 2, late: 1500 };
  const text = describeMonitor(
    'iris',
    { ...status, ...counts, problems: ['Replica r did not answer.'] },
    false,
  );
  expect(text).toContain('; 3 refused, 1 failed, 2 lost, 1,500 late\nNot counted: Replica r did not answer.');
});

test('streams that moved least are counted, not listed; too small a move is left out', () => {
  const streams = Array.from({ length: 11 }, (_, index) =>
    stream(`input/c${index}`, { totalVariation: index / 20 }),
  );
  const text = describeMonitor('iris', { ...status, streams }, false);
  expect(text).toContain('  c10 ');
  expect(text).not.toContain('  c2 ');
  expect(text).toContain('  and 3 more that moved less');
  const still = stream('input/x', { gained: { cell: 'UA', from: 0.3, to: 0.3004 } });
  expect(describeMonitor('iris', { ...status, streams: [still] }, false)).not.toContain('UA');
});

test('a reference that still learns shows no distance', () => {
  const learning = stream('prediction', { group: 'predictions', learning: true });
  const text = describeMonitor('iris', { ...status, streams: [learning] }, false);
  expect(text).toContain('learning');
  expect(text).not.toContain('0.210');
});

test('each empty state says what to do next', () => {
  const { revision: _, origin: __, ...nothing } = status;
  expect(describeMonitor('iris', { ...nothing, requests: 0 }, false)).toBe(
    'Monitor iris: nothing serves yet.\nNext: galley status iris',
  );
  expect(describeMonitor('iris', { ...status, requests: 0 }, false)).toContain(
    'No requests yet.\nNext: galley predict iris',
  );
  expect(describeMonitor('iris', { ...status, requests: 0 }, true)).toContain(
    'No request lies in this window',
  );
  const learning = describeMonitor('iris', { ...nothing, revision: 'iris-1', state: 'learning' }, false);
  expect(learning).toMatch(/no reference[\s\S]*Next: bind `reference`/);
});

test('what a replica says cannot move the cursor or begin a line of its own', () => {
  const evil = '\u001B[2Jx\nMonitor iris: all is well';
  const event = {
    time: evil,
    kind: evil,
    stream: evil,
    value: evil,
    function: evil,
    file: evil,
    source: evil,
  };
  const text = describeMonitor(
    'iris',
    {
      ...status,
      origin: evil,
      problems: [evil],
      streams: [stream(evil, { group: evil, gained: { cell: evil, from: 0, to: 1 } })],
      events: [
        { ...event, count: 1, replica: evil },
        { ...event, kind: 'category', count: 1, replica: evil },
      ],
    },
    false,
  );
  expect(text).not.toContain('\u001B');
  expect(text.split('\n').filter((line) => line.startsWith('Monitor iris:'))).toHaveLength(1);
});

test('a first sighting names its place and what is new there', () => {
  const events = [
    {
      time: '2013-01-08T11:35:00.000Z',
      kind: 'fallback',
      stream: 'path/n',
      value: '4',
      function: 'conditions',
      notebook: 'n.ipynb',
      cell: 8,
      line: 5,
      source: '  return TYPICAL  # galley: fallback ',
    },
    {
      time: '2013-01-08T12:00:00.000Z',
      kind: 'path',
      stream: 'path/w',
      value: '9',
      function: 'at',
      file: 'weather.py',
      line: 33,
      source: 'return None',
      decided: '31: back → end',
    },
    { time: '2013-01-09T12:00:00.000Z', kind: 'category', stream: 'input/carrier', value: 'ZZ' },
    { time: '2013-01-09T12:00:01.000Z', kind: 'exception', stream: 'prediction', value: 'KeyError' },
  ].map((event) => ({ ...event, count: 1, replica: 'r0' }));
  const text = describeMonitor('iris', { ...status, events }, false);
  expect(text.slice(text.indexOf('WHEN'))).toBe(
    [
      'WHEN                  WHAT       WHERE                                NEW THERE',
      '2013-01-08 11:35:00Z  fallback   n.ipynb cell 8 line 5, conditions()  return TYPICAL # galley: fallback',
      '2013-01-08 12:00:00Z  new path   weather.py line 33, at()             31: back → end',
      '2013-01-09 12:00:00Z  new value  carrier                              "ZZ"',
      '2013-01-09 12:00:01Z  exception  prediction                           KeyError',
    ].join('\n'),
  );
});
