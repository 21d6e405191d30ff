import type { TarEntry } from '@galley/image/tar/entry';
import type { Whiteout } from '@galley/image/tar/whiteout';

/** A path that a step made or changed, as it will lie in a layer: set-id bits are gone, owners are the image's. */
export interface ChangedEntry extends TarEntry {
  readonly uid: number;
  readonly gid: number;
  /** Of a file: 64 hexadecimal digits. */
  readonly sha256?: string;
}

/** The difference that a step made to the image that it ran on. Contents lie in the build's private folder until it ends. */
export interface Changes {
  /** Every directory above a changed path is there too, as the image has it. */
  readonly entries: readonly ChangedEntry[];
  readonly whiteouts: readonly Whiteout[];
  /** For people: what was dropped although the step wrote it. */
  readonly warnings: readonly string[];
  /** Contents that were asked for by path, at most 1 MiB each. */
  readonly collected: ReadonlyMap<string, Buffer>;
}
