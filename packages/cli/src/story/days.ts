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
 * At most `perDay` flights of each day that `wanted` accepts, days in order. Chosen by a hash of the flight, so every run replays
 * the same ones and no random seed has to be kept.
 */
export function sampleDays(
  flights: readonly Flight[],
  wanted: (day: string) => boolean,
  perDay: number,
): readonly Day[] {
  const byDay = new Map<string, Flight[]>();
  for (const flight of flights) {
    if (!wanted(flight.day)) continue;
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
