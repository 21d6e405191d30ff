/** What a tar of ours can hold. Devices, fifos and sockets cannot be in an image of ours. */
export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink';

/** The bytes of a file. May be asked for once per reading; of a tar that is being read, only until the next entry. */
export type TarContent = () => AsyncIterable<Uint8Array> | Buffer;

/** One entry of a tar, written or read. */
export interface TarEntry {
  /** Relative, with `/` between parts, without a leading `./` and without a trailing `/`. */
  readonly path: string;
  readonly type: TarEntryType;
  /** The twelve permission bits. */
  readonly mode: number;
  /** Bytes of the content; 0 for everything but files. */
  readonly size: number;
  /** Of a symlink: the text, as it is. Of a hardlink: the path of an earlier file in the same tar. */
  readonly linkTarget?: string;
  readonly content?: TarContent;
  /** Default 0. */
  readonly uid?: number;
  /** Default 0. */
  readonly gid?: number;
  /** Seconds since the epoch; only set by the reader. The writer always writes `tarTime`. */
  readonly mtime?: number;
}

/**
 * The time of every entry: one second after the epoch. Not zero, because tools take zero for "unset" (builders.md §8.1; Jib found the same).
 */
export const tarTime = 1;

/** A file whose content is already in memory. */
export function fileEntry(path: string, content: string | Buffer, mode = 0o644): TarEntry {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  return { path, type: 'file', mode, size: bytes.byteLength, content: () => bytes };
}

/** A directory owned by root. */
export function directoryEntry(path: string, mode = 0o755): TarEntry {
  return { path, type: 'directory', mode, size: 0 };
}

/** A symbolic link; its mode is 0777 as the kernel reports it. */
export function symlinkEntry(path: string, target: string): TarEntry {
  return { path, type: 'symlink', mode: 0o777, size: 0, linkTarget: target };
}
