import { expect, test } from 'vitest';
import { heldOutBesides, isFuture, isHeldOut, sampleDays, spanOf, weekOf } from './days.ts';
import type { Flight } from './flights.ts';

function flight(day: string, hour: number): Flight {
  const row = {
    carrier: 'B6',
    tailnum: 'N1',
    origin: 'JFK',
    dest: 'FLL',
    distance: 1,
    hour,
    minute: 0,
    dep_delay: 0,
  };
  const time = `${day}T${String(hour).padStart(2, '0')}:00:00.000Z`;
  return { day, time, row: { ...row, time_hour: time }, late: false };
}

test('weeks are those of the notebook: odd ones of the first quarter are held out', () => {
  expect([weekOf('2013-01-01'), weekOf('2013-01-07'), weekOf('2013-01-08')]).toEqual([0, 0, 1]);
  expect([isHeldOut('2013-01-07'), isHeldOut('2013-01-08'), isHeldOut('2013-04-12')]).toEqual([
    false,
    true,
    false,
  ]);
  expect(isFuture('2013-03-31') || !isFuture('2013-04-01')).toBe(false);
});

test('a sample is the same in every run, in order of days and of departures', () => {
  const flights = [9, 5, 7, 6, 8].flatMap((hour) => [flight('2013-05-02', hour), flight('2013-05-01', hour)]);
  const days = sampleDays(flights, 3);
  expect(days.map((day) => day.day)).toEqual(['2013-05-01', '2013-05-02']);
  for (const day of days) {
    expect(day.flights).toHaveLength(3);
    expect([...day.flights].sort((a, b) => (a.time < b.time ? -1 : 1))).toEqual(day.flights);
  }
  expect(sampleDays([...flights].reverse(), 3)).toEqual(days);
});

test('of the held-out flights those are taken that the notebook leaves between those of its reference', () => {
  const days = [
    '2013-01-07',
    '2013-01-08',
    '2013-01-08',
    '2013-01-15',
    '2013-01-09',
    '2013-01-10',
    '2013-05-01',
  ];
  const flights = days.map((day, hour) => flight(day, hour));
  // Held out are 8, 8, 9 and 10 January: the notebook's check[::2] is the first and the third.
  expect(heldOutBesides(flights)).toEqual([flights[2], flights[5]]);
});

test('a span holds the evenings of its days, which are another day in UTC, and nothing of the days around', () => {
  const span = spanOf('2013-01-08', '2013-01-14');
  expect(span).toEqual({ from: '2013-01-08T08:00:00Z', to: '2013-01-15T08:00:00.000Z' });
});
