/**
 * Long work tells its progress as events, never by printing (DESIGN.md §3). The CLI, the console and the log of a build
 * render the same events.
 */
export interface GalleyEvent {
  /** RFC 3339, milliseconds, UTC. */
  readonly time: string;
  /** What it is about: `build/flight-delay-3`, `application/iris`, `server`. */
  readonly object: string;
  /** A phase of the build (`source`, `recipe`, `lock`, `base`, `layers`, `environment`, `training`, `candidate`, `rehearsal`, `service`) or of the server. */
  readonly phase: string;
  /** One step of the phase, in words that a person understands: `numpy 2.4.6`, `flight-delay.ipynb cell 4`. */
  readonly step: string;
  readonly state: 'started' | 'progress' | 'done' | 'skipped' | 'failed';
  /** Why it was skipped, rebuilt or failed. */
  readonly reason?: string;
  /** The unit of `done` and `total`. */
  readonly unit?: 'bytes' | 'cells' | 'files' | 'wheels' | 'rows' | 'requests';
  readonly done?: number;
  readonly total?: number;
  /** How long the step took, for `done`. */
  readonly elapsedMs?: number;
}

/** What long work is given to tell its progress; adds the time itself. */
export type Emit = (event: Omit<GalleyEvent, 'time'>) => void;
