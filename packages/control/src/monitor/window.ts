/** Event time in milliseconds since the epoch: from inclusive, to exclusive; absent: without a bound. */
export interface TimeWindow {
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** The minutes that start within a window, first inclusive and last exclusive. A minute is never divided: counts know no finer time. */
export function minutesOf(window: TimeWindow): { readonly from: number; readonly to: number } {
  return {
    from: window.fromMs === undefined ? 0 : Math.ceil(window.fromMs / 60_000),
    to: window.toMs === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(window.toMs / 60_000),
  };
}

/** Whether the minute of a moment lies in a window, as its counts do. */
export function holds(window: TimeWindow, timeMs: number): boolean {
  const { from, to } = minutesOf(window);
  const minute = Math.floor(timeMs / 60_000);
  return minute >= from && minute < to;
}

/** No bound on either side. */
export function isEverything(window: TimeWindow): boolean {
  return window.fromMs === undefined && window.toMs === undefined;
}
