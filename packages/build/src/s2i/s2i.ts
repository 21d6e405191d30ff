/** What a source-to-image build is asked for and what it gives back. Only types: `build-s2i.ts` does it. */
import type { Digest } from '@galley/api/digest';
import type { Image } from '@galley/image/image';
import type { StepLimits } from '../build-step/build-step.ts';
import type { LayerRecord, PhaseRecord, SourceSpec } from '../build.ts';

/** `NAME` and its value, in the order in which they count: a later one wins. */
export type Variables = readonly (readonly [name: string, value: string])[];

/** An image and what the user calls it. */
export interface NamedImage {
  readonly name: string;
  readonly image: Image;
}

/** Files that are there while scripts run, and in no layer. */
export interface Injection {
  /** Absolute path inside. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** A path of the builder's result that the runtime image gets. */
export interface RuntimeArtifact {
  /** Absolute. */
  readonly source: string;
  /** A folder below the runtime image's working directory; empty: itself. */
  readonly target: string;
}

/** The image that gets the builder's result. */
export interface RuntimeImage extends NamedImage {
  /** Empty: what its label names. */
  readonly artifacts: readonly RuntimeArtifact[];
}

export interface S2iRequest {
  readonly source: SourceSpec;
  readonly builder: NamedImage;
  /** Of the result; undefined: it is known by its digest only. */
  readonly tag: string | undefined;
  readonly project: string;
  /** A DNS label: whose workloads they are. */
  readonly name: string;
  readonly env: Variables;
  /** A folder of scripts that goes before the source's and the image's: `image://`, `file://`, `http(s)://`, a path. */
  readonly scriptsUrl: string | undefined;
  /** Absolute; undefined: as the builder says. */
  readonly destination: string | undefined;
  readonly assembleUser: string | undefined;
  readonly assembleRuntimeUser: string | undefined;
  /** Ranges of numeric users that images may name; empty: any. */
  readonly allowedUids: readonly (readonly [from: number, to: number])[];
  readonly injections: readonly Injection[];
  /** What the tag names now: its layers are known, and an incremental build saves its artifacts. */
  readonly previous: Image | undefined;
  readonly incremental: boolean;
  readonly runtime: RuntimeImage | undefined;
  /** Paths of the source that are left out; undefined: none besides git's own. */
  readonly exclude: RegExp | undefined;
  readonly displayName: string | undefined;
  readonly description: string | undefined;
  /** Told by labels: where the source came from. */
  readonly sourceName: string;
  readonly contextDir: string;
  /** Branch, tag or commit that was asked for; empty: none. */
  readonly ref: string;
  /** Begins relative paths. */
  readonly cwd: string;
  /** `host:port` that scripts may reach besides the package index. */
  readonly egressHosts: readonly string[];
  readonly limits: StepLimits;
}

export interface S2iResult {
  readonly image: Digest;
  readonly tag: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: readonly LayerRecord[];
  readonly phases: readonly PhaseRecord[];
  readonly warnings: readonly string[];
}
