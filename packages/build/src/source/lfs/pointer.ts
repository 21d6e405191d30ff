/** A file that stands for its content in Git LFS. */
export interface LfsPointer {
  readonly path: string;
  /** sha256 of the content, 64 hexadecimal digits. */
  readonly oid: string;
  /** Bytes of the content. */
  readonly size: number;
}

/** The specification's limit is 1024 bytes (git-lfs, docs/spec.md); a file that merely begins like one is no pointer. */
const pointerBytes = 1024;

/** Undefined: it is an ordinary file. Extension lines (`ext-0-…`) are passed over. */
export function parsePointer(path: string, content: Buffer): LfsPointer | undefined {
  if (content.length >= pointerBytes) return undefined;
  const text = content.toString('utf8');
  if (!/^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\r?\n/.test(text))
    return undefined;
  const oid = /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})\r?$/m.exec(text)?.[1];
  return oid === undefined || size === undefined ? undefined : { path, oid, size: Number(size) };
}
