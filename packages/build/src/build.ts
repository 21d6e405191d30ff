/** What a build is asked for and what it gives back. Only types: `build-repository.ts` does it. */
import type { Digest } from '@galley/api/digest';
import type { Emit } from '@galley/api/event';
import type { BuildSpec, GalleyYaml, SourceOrigin } from '@galley/api/kind/application';
import type { SecretUse } from '@galley/api/kind/secret-use';
import type { Engine } from '@galley/engine/engine';
import type { ImageStore } from '@galley/image/store';
import type { ArchiveUrl } from './source/archive/url.ts';
import type { Carried } from './bundle/carried.ts';
import type { RecipeRecord } from './plan/recipe-record.ts';
import type { Reveal } from './secret/secret-use.ts';

/** Where the repository comes from: exactly one. */
export type SourceSpec =
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly include: readonly string[];
      /** Only these of its files, where they are there. */
      readonly only?: readonly string[];
    }
  | {
      readonly kind: 'git';
      readonly url: string;
      readonly ref: string;
      readonly contextDir: string;
      /** False: submodules stay empty. */
      readonly submodules?: boolean;
      /** A token, `user:token`, or a private ssh key. */
      readonly secret?: string | undefined;
      /** The person who builds owns this machine: paths, own ssh keys and git configuration count. A server never says so. */
      readonly own?: boolean;
    }
  /** An uploaded tar that lies in the store under this digest, and what is known of it where it was read. */
  | { readonly kind: 'archive'; readonly digest: Digest; readonly origin?: SourceOrigin | undefined }
  /** An archive behind a URL. */
  | ({ readonly kind: 'url' } & ArchiveUrl)
  /** An archive that lies on the machine of the person who builds. Never in a server. */
  | { readonly kind: 'file'; readonly path: string; readonly contextDir: string };

/** The part of Application.spec that a build reads (DESIGN.md §2). */
export interface BuildOptions {
  /** DNS label: the application. */
  readonly name: string;
  readonly project: string;
  /** Empty: found by convention. */
  readonly notebooks: readonly string[];
  /** Undefined, as for `model`: what galley.yaml says, else notebooks before scripts before saved models. */
  readonly strategy?: BuildSpec['strategy'] | undefined;
  /** The saved model that is served, of several. */
  readonly model?: string | undefined;
  /** `3.11`; empty: from the repository, else the default. */
  readonly python: string;
  /** Undefined, here and below: what galley.yaml says, else the default. */
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  /** 0: none. */
  readonly cellTimeoutMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** The column that says when a request happened: dates of the reference have an age by it. */
  readonly eventTimeColumn?: string | undefined;
  /** Replace pins that have no wheel here, and a Python that has no base, and say which. */
  readonly modernise?: boolean | undefined;
  /** `2021-06-01`, a time in RFC 3339, or `commit`: packages as they were then. */
  readonly asOf?: string | undefined;
  /** Indexes that files of the repository may name, besides those of this machine. */
  readonly allowedIndexes?: readonly string[];
  /** `host:port` that the training run may reach, besides those of galley.yaml. */
  readonly egressHosts: readonly string[];
  /** What the application says of secrets, over those of galley.yaml. */
  readonly secrets: readonly SecretUse[];
  /** Opens a secret of the project; asked for those that are used, once the repository was read. */
  readonly reveal: Reveal;
}

/** What a build needs of the world. */
export interface BuildContext {
  readonly store: ImageStore;
  readonly engine: Engine;
  /** The cache folder of GALLEY_HOME: wheels, locks, debs, layer index, training index. */
  readonly cacheDir: string;
  /** The operator's `host:port` that a source may lead to although the address is private, read at each connection. */
  readonly privateHosts: () => Promise<readonly string[]>;
  /** What a bundle brought: nothing of it is resolved, fetched or chosen anew. */
  readonly carried?: Carried;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One phase as it went, kept in the Build object. */
export interface PhaseRecord {
  readonly phase: string;
  readonly state: 'done' | 'skipped' | 'failed';
  readonly reason: string;
  readonly elapsedMs: number;
}

export interface LayerRecord {
  /** `base`, `system`, `dependencies`, `project`, `tools`, `runtime`, `code`, `model`, `rehearsed`. */
  readonly role: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly cached: boolean;
  /** The input that made it: `numpy 2.4.6, scipy 1.18`, `base.lock bookworm`. */
  readonly from: string;
}

export interface BuildResult {
  /** Of the service image: the revision. */
  readonly image: Digest;
  readonly environment: Digest;
  readonly candidate: Digest;
  readonly sourceDigest: Digest;
  readonly lockDigest: Digest;
  readonly trainingKey: string;
  readonly layers: readonly LayerRecord[];
  readonly phases: readonly PhaseRecord[];
  /** Blobs in the store, media type application/json: report of the run (a JSON array of report lines), executed notebook, reference, schema, golden, model.json. */
  readonly report: Digest;
  readonly executedNotebook: Digest;
  readonly reference: Digest | undefined;
  readonly schema: Digest;
  readonly golden: Digest;
  readonly model: Digest;
  /** What was read of the repository, which of its files had a say, and what was replaced. */
  readonly recipe: RecipeRecord;
  /** The same as a blob. */
  readonly recipeBlob: Digest;
  /** The repository's own settings (galley.yaml), for what comes after the build: service, monitor. */
  readonly settings: GalleyYaml | undefined;
  /** For people: cells that could not be parsed, submodules that were left out, names that were no predictor. */
  readonly warnings: readonly string[];
}
