import type { Readable } from 'node:stream';
import type { Digest } from '@galley/api/digest';

/** A file of the repository: small ones in memory, large ones in the build's private folder. */
export interface SourceFile {
  readonly kind: 'file';
  /** Relative, with `/`, normalised. */
  readonly path: string;
  /** git knows no others (builders.md §8.2). */
  readonly mode: 0o644 | 0o755;
  readonly size: number;
  readonly content: Buffer | { readonly spooled: string };
}

export interface SourceLink {
  readonly kind: 'link';
  readonly path: string;
  readonly target: string;
}

export type SourceEntry = SourceFile | SourceLink;

/** Why .gitignore kept a file back. */
export interface IgnoreRule {
  /** `.gitignore`, `data/.gitignore`. */
  readonly file: string;
  readonly line: number;
  readonly pattern: string;
}

/** A repository as an immutable value. Files in the spool live until `dispose`. */
export interface SourceTree {
  /** Of the deterministic tar: what `training-key` and the label `dev.galley.source` hold. */
  readonly digest: Digest;
  /** Sorted by the bytes of their paths; no directories, parents follow from the paths. */
  readonly entries: readonly SourceEntry[];
  /** For people: `directory`, `git main (1a2b3c4)`, `archive`. */
  readonly origin: string;
  /** The full commit where git gave it. */
  readonly commit?: string;
  /** When that commit was made, RFC 3339; of a directory in a git work tree: its last commit. */
  readonly committedAt?: string;
  /** Who wrote that commit, `Name <mail>`, and the first line of why. Strangers' words. */
  readonly author?: string;
  readonly subject?: string;
  /** Things that a person should know and that stop nothing: a submodule that was left out. */
  readonly warnings: readonly string[];
  /** Undefined: there is no such file. Symlinks inside the tree are followed. */
  find(path: string): SourceFile | undefined;
  /** The bytes; throws `SOURCE_REFUSED` above `maxBytes`. */
  read(file: SourceFile, maxBytes?: number): Promise<Buffer>;
  /** The rule that keeps `path` out of the tree, if one does. */
  ignoredBy(path: string): Promise<IgnoreRule | undefined>;
  /** The deterministic tar whose sha256 is `digest`: what an upload sends. */
  pack(): Readable;
  dispose(): Promise<void>;
}
