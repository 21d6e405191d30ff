import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { packEntries } from '../source/pack-entries.ts';
import type { SourceEntry } from '../source/source-tree.ts';

export interface PackedProject {
  /** A gzipped tar with one top folder. */
  readonly path: string;
  /** Of the tar: the same files give the same, whatever compressed them. */
  readonly sha256: string;
}

/** A larger file is taken for data unless it lies in a package. */
const dataBytes = 4 * 1024 * 1024;

/**
 * What the build of a project gets to see: all of the repository but its notebooks in `without`, whose edits would build it anew every
 * time, and large files that lie in no package.
 */
export async function packProject(
  entries: readonly SourceEntry[],
  options: { readonly without: ReadonlySet<string>; readonly folder: string },
): Promise<PackedProject> {
  const packages = new Set(
    entries.flatMap(({ path }) =>
      path.endsWith('/__init__.py') ? [path.slice(0, -'/__init__.py'.length)] : [],
    ),
  );
  const inPackage = (path: string): boolean => packages.has(path.split('/').slice(0, -1).join('/'));
  const taken = entries
    .filter((entry) => !options.without.has(entry.path))
    .filter((entry) => entry.kind === 'link' || entry.size <= dataBytes || inPackage(entry.path))
    .map((entry) => ({ ...entry, path: `project/${entry.path}` }));
  const hash = createHash('sha256');
  const path = join(options.folder, `${randomBytes(8).toString('hex')}.tar.gz`);
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(packEntries(taken), measure, createGzip({ level: 1 }), createWriteStream(path));
  return { path, sha256: hash.digest('hex') };
}
