import { createHash } from 'node:crypto';
import type { Flight } from './flights.ts';

/** Flights of one day, a sample, in the order of their departure. */
export interface Day {
  readonly day: string;
  readonly flights: readonly Flight[];
}

const firstDay = Date.UTC(2013, 0, 1);

/** The week as the notebook counts it: days since 1 January, divided by seven. */
export function weekOf(day: string): number {
  return Math.floor((Date.parse(`${day}T00:00:00Z`) - firstDay) / (7 * 86_400_000));
}

/** Whether the notebook held the day's week out: January to March, odd weeks. */
export function isHeldOut(day: string): boolean {
  return day < '2013-04-01' && weekOf(day) % 2 === 1;
}

/** Whether the day lies after everything the notebook saw. */
export function isFuture(day: string): boolean {
  return day >= '2013-04-01';
}

/**
 * The held-out flights that the reference has not been drawn from. The notebook takes every other one, beginning with the first; these are
 * those between. Flights that decided what a cell is would fall into the known cells by themselves: with them `tailnum` alone lay 0.03
 * from its reference, three times what sampling gives.
 */
export function heldOutBesides(flights: readonly Flight[]): readonly Flight[] {
  return flights.filter(({ day }) => isHeldOut(day)).filter((_, index) => index % 2 === 1);
}

/**
 * At most `perDay` flights of each day, days in order. Chosen by a hash of the flight, so every run replays the same ones and no random
 * seed has to be kept.
 */
export function sampleDays(flights: readonly Flight[], perDay: number): readonly Day[] {
  const byDay = new Map<string, Flight[]>();
  for (const flight of flights) {
    const list = byDay.get(flight.day) ?? [];
    list.push(flight);
    byDay.set(flight.day, list);
  }
  return [...byDay.keys()].sort().map((day) => ({
    day,
    flights: (byDay.get(day) ?? [])
      .map((flight) => ({ flight, rank: rankOf(flight) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .slice(0, perDay)
      .map(({ flight }) => flight)
      .sort((a, b) => (a.time < b.time ? -1 : 1)),
  }));
}

function rankOf(flight: Flight): string {
  const { carrier, tailnum, origin, dest, hour, minute } = flight.row;
  return createHash('sha256')
    .update([flight.day, carrier, tailnum, origin, dest, hour, minute].join('|'))
    .digest('hex');
}

/** A span of event time, as the API takes it. */
export interface Span {
  readonly from: string;
  readonly to: string;
}

/** New York's days begin at 4 or 5 o'clock UTC and its first flights leave at 9 or 10: at 8 no flight is in the air of two days. */
const hourOfNight = 'T08:00:00Z';

/** The time from the first flight of one day to the last of another, both with their evenings. */
export function spanOf(first: string, last: string): Span {
  const next = new Date(Date.parse(`${last}${hourOfNight}`) + 86_400_000);
  return { from: `${first}${hourOfNight}`, to: next.toISOString() };
}
