/** Answers of endpoints that are no objects. */

export interface ServerInfo {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** `https://127.0.0.1:7443`. */
  readonly api: string;
  /** `http://127.0.0.1:7080`. */
  readonly gateway: string;
  readonly home: string;
  /** The engine's tier, and what is missing when there is no isolation. */
  readonly isolation: { readonly tier: string; readonly missing?: string; readonly fix?: string };
}

/** A line that a replica printed. */
export interface LogEntry {
  readonly time: string;
  readonly replica: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface SecretInfo {
  readonly name: string;
  readonly createdAt: string;
  readonly bytes: number;
}

/** A path through a function: `17`, `unseen` or `exception`. */
export interface PathOfFunction {
  readonly path: string;
  /** Lines of its cell or file, in the order in which they run. */
  readonly lines: readonly number[];
  /** What was decided on its way, in order: a condition and its answer, as the source has it. */
  readonly decisions: readonly {
    readonly line: number;
    readonly question: string;
    readonly answer: string;
  }[];
  readonly fallback: boolean;
}

/** A function of the scoring code: how often each of its paths is taken now and in the reference. */
export interface PathFunction {
  readonly name: string;
  readonly notebook: string | null;
  readonly cell: number | null;
  readonly file: string | null;
  /** Requests that called it, now and in the reference. */
  readonly requests: number;
  readonly referenceRequests: number;
  /** With shares, 0 to 1. */
  readonly paths: readonly (PathOfFunction & { readonly now: number; readonly reference: number })[];
  /** Paths that the reference took too seldom for a share of their own: they are counted in `unseen`. */
  readonly rare: readonly PathOfFunction[];
}

/** Blobs and their bytes as they are stored. */
export interface BlobCount {
  readonly blobs: number;
  readonly bytes: number;
}

/** What a pruning removed, or would, and why the rest stays. */
export interface PruneAnswer {
  readonly dryRun: boolean;
  readonly removed: BlobCount;
  /** What tags, revisions, builds and their like need. */
  readonly needed: BlobCount;
  /** What nothing needs, but is too young, or may belong to somebody who is at work. */
  readonly young: BlobCount;
  /** Who is at work: builds, pulls, uploads. */
  readonly leases: readonly { readonly purpose: string; readonly pid: number; readonly startedMs: number }[];
}
