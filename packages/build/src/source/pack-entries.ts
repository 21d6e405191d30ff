import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header } from 'tar-stream';
import type { SourceEntry } from './source-tree.ts';

/** One second after the epoch: some tools take 0 for "no time" (builders.md §8.1). */
const time = new Date(1000);

/**
 * The deterministic tar of a source: entries in the order given, fixed times and owners. Its sha256 is the source digest, so the
 * same tree has the same digest whether it came from a directory, from git or as an upload.
 */
export function packEntries(entries: readonly SourceEntry[]): Readable {
  const tar = pack();
  const out = new PassThrough();
  void pipeline(tar, out).catch(() => undefined); // the reader sees the error on `out`
  void writeAll(tar, entries).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return out;
}

async function writeAll(tar: ReturnType<typeof pack>, entries: readonly SourceEntry[]): Promise<void> {
  for (const entry of entries) {
    const header: Partial<Header> & { name: string } =
      entry.kind === 'link'
        ? { name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777, size: 0 }
        : { name: entry.path, type: 'file', mode: entry.mode, size: entry.size };
    Object.assign(header, { mtime: time, uid: 0, gid: 0, uname: '', gname: '' });
    if (entry.kind === 'link') {
      tar.entry(header, '');
    } else if (Buffer.isBuffer(entry.content)) {
      await new Promise<void>((resolve, reject) => {
        tar.entry(header, entry.content as Buffer, (error) => (error ? reject(error) : resolve()));
      });
    } else {
      await pipeline(createReadStream(entry.content.spooled), tar.entry(header));
    }
  }
}
