import { expect, test } from 'vitest';
import { admit } from './admit.ts';
import { BucketReader, type BucketsAnswer } from './bucket.ts';
import { readReference, type Reference } from './reference.ts';

const scale = 2 ** 20;
const reader = new BucketReader();
const shape = { schema: 'galley.dev/reference/v1', origin: 'held-out', requests: 10 };
const stream = { group: 'inputs', kind: 'numeric', cells: ['a', 'b', 'c'], counts: [1, 2, 3], n: 6 };

function reference(...ids: string[]): Reference {
  const made = readReference({ ...shape, streams: ids.map((id) => ({ id, ...stream })) });
  if (made === undefined) throw new Error('the reference of this test is not of the agreed shape');
  return made;
}

/** As it comes from a socket: text. */
function told(streams: string, more: object = {}, events: readonly object[] = []): BucketsAnswer {
  const bucket = { seq: 1, minute: 5, requests: 4, rows: 4, failures: 1, late: 0, ...more };
  const body = JSON.stringify({
    schema: 'galley.dev/buckets/v1',
    boot: 'b',
    seq: 1,
    buckets: [{ ...bucket, streams: 'HERE' }],
    events,
  }).replace('"HERE"', streams);
  const answer = reader.read(Buffer.from(body));
  if (answer === undefined) throw new Error('not of the agreed shape');
  return answer;
}

test('streams and cells that the reference does not have are left out', () => {
  const admission = admit(
    told(
      `{"known":{"n":2,"counts":{"0":${scale},"2":${scale},"3":7,"999999":7}},"other":{"n":9,"counts":{}},"__proto__":{"n":1,"counts":{}}}`,
    ),
    reference('known'),
  );
  expect(admission).toMatchObject({ answer: { buckets: [{ requests: 4 }] } });
  const streams = 'answer' in admission ? admission.answer.buckets[0]?.streams : undefined;
  expect(Object.entries(streams ?? {})).toEqual([['known', { n: 2, counts: { '0': scale, '2': scale } }]]);
});

test('a stream may have any name that the reference gave it', () => {
  const counts = `{"__proto__":{"n":1,"counts":{"1":${scale}}}}`;
  const admission = admit(told(counts), reference('__proto__'));
  const streams = 'answer' in admission ? admission.answer.buckets[0]?.streams : undefined;
  expect(JSON.stringify(streams)).toBe(counts);
});

test('without a reference nothing but requests is kept', () => {
  expect(admit(told('{"x":{"n":1,"counts":{"0":1}}}'), undefined)).toMatchObject({
    answer: { buckets: [{ requests: 4, streams: {} }] },
  });
});

test('numbers that no counting gives refuse the answer and name the stream', () => {
  const known = reference('known');
  expect(admit(told('{"known":{"n":5,"counts":{}}}'), known)).toHaveProperty(
    'refused',
    expect.stringContaining('known'),
  );
  const over = `{"known":{"n":1,"counts":{"0":${scale},"1":${scale}}}}`;
  expect(admit(told(over), known)).toHaveProperty('refused', expect.stringContaining('known'));
  const huge = `{"known":{"n":1,"counts":{"0":${Number.MAX_SAFE_INTEGER}}}}`;
  expect(admit(told(huge), known)).toHaveProperty('refused');
  expect(admit(told('{}', { failures: 3, refused: 2 }), known)).toHaveProperty(
    'refused',
    expect.stringContaining('minute 5'),
  );
});

test('rounding of shares is no fault', () => {
  // Four requests whose shares are thirds: each cell is rounded by up to half a unit a request.
  const thirds = `{"known":{"n":4,"counts":{"0":${4 * 349_526},"1":${4 * 349_525},"2":${4 * 349_526}}}}`;
  expect(admit(told(thirds), reference('known'))).toHaveProperty('answer');
});

test.each(['NaN', '1e400', '-1', '1.5', '9007199254740993', '"7"', 'null'])(
  'a count of %s is no answer at all',
  (text) => {
    expect(() => told(`{"known":{"n":1,"counts":{"0":${text}}}}`)).toThrow('not of the agreed shape');
  },
);

test('sightings of no known kind or of no time are left out', () => {
  const event = { seq: 1, kind: 'path', stream: 's', value: '1', count: 1, time: '2013-01-08T11:35:00.000Z' };
  const events = [
    event,
    { ...event, kind: '\u001B[2J' },
    { ...event, time: 'soon' },
    { ...event, time: '2013-13-08T11:35:00Z' },
    { ...event, kind: 'exception' },
  ];
  const admission = admit(told('{}', {}, events), undefined);
  expect('answer' in admission ? admission.answer.events : []).toEqual([events[0], events[4]]);
});

test('a reference with two streams of one name, or more cells than records can hold, is none', () => {
  const streams = [{ id: 'a', ...stream }];
  expect(readReference({ ...shape, streams })).toBeDefined();
  expect(readReference({ ...shape, streams: [...streams, ...streams] })).toBeUndefined();
  const cells = Array.from({ length: 200_001 }, String);
  expect(
    readReference({ ...shape, streams: [{ ...streams[0], cells, counts: cells.map(() => 0) }] }),
  ).toBeUndefined();
});
