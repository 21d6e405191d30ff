/** Time as a parameter: the machine's in the server, a driven one in tests. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `delayMs`, at the earliest; answers what cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The machine's clock. Its timers do not keep the process alive: whoever serves does. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
