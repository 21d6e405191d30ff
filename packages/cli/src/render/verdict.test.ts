import { expect, test } from 'vitest';
import type { Verdict } from '@galley/api/kind/verdict';
import { describeVerdict } from './verdict.ts';

const quiet: Verdict = {
  state: 'ok',
  evidence: 2.5,
  threshold: 5.72,
  falseAlarmsPerYear: 0.2,
  tolerance: 0.05,
  requestsAlike: 1,
  streams: 55,
  requests: 12_000,
  buckets: 400,
  moved: [],
};

test('no alarm says how much was judged, and under which promise', () => {
  expect(describeVerdict(quiet)).toBe(
    [
      'Verdict: ok. None of 55 streams has moved in 12,000 requests.',
      'False alarms: one in 5 years at most, if requests are independent. Evidence 10^2.5, alarm at 10^5.7; shifts below 0.05 standard deviations do not matter.',
    ].join('\n'),
  );
});

test('an alarm says what moved, from which share to which and since when', () => {
  const text = describeVerdict({
    ...quiet,
    state: 'drifting',
    alarmAt: '2013-04-10T11:50:00.000Z',
    falseAlarmsPerYear: 2,
    requestsAlike: 10,
    moved: [
      {
        id: 'input/dep_delay',
        group: 'inputs',
        cells: ['< min', '(-5, 0]', '(0, 12]'],
        since: '2013-04-06T17:45:00.000Z',
        requests: 4853,
        referenceRequests: 8000,
        from: 0.182,
        to: 0.402,
        lower: 0.17,
        upper: 0.2,
        evidence: 192.9,
      },
    ],
  });
  expect(text).toContain('Verdict: drifting. 1 of 55 streams moved, alarm at 2013-04-10 11:50Z.');
  expect(text).toMatch(/dep_delay +inputs +< min … \(0, 12\] +18\.2 % +2013-04-06 17:45Z +40\.2 % +4,853/);
  expect(text).toContain('2 a year at most, if 10 requests say as much as one that is independent.');
});

test('too few requests say how many more, and after whose decision', () => {
  const text = describeVerdict({
    ...quiet,
    state: 'blind',
    requests: 10,
    needs: 1143,
    decision: {
      kind: 'acknowledge',
      by: 'ada\u001b[31m',
      time: '2014-01-01T04:00:00.000Z',
      judgedFrom: '2014-01-01T04:00:00.000Z',
    },
  });
  expect(text).toContain('it takes about 1,143 more until a moderate shift');
  expect(text).toContain('Judged since 2014-01-01 04:00Z, after ada');
  expect(text).not.toContain('\u001b');
});
