import { GalleyError } from '@galley/api/error/galley-error';
import { decodePath } from '../tree-path.ts';
import { spawnGit, type GitOptions } from './run-git.ts';

/** An entry of a commit's tree, as git keeps it. */
export interface GitEntry {
  /** `100644`, `100755`, `120000` (a symlink), `160000` (a submodule). */
  readonly mode: string;
  readonly object: string;
  /** Bytes; 0 for a submodule. */
  readonly size: number;
  /** Relative to the tree that was listed. */
  readonly path: string;
}

/**
 * Every file, link and submodule of a tree (`commit` or `commit:folder`), read from git's objects. It ends at `maxEntries`: nested trees
 * that name each other make a few kilobytes into billions of paths. Throws `SOURCE_TOO_LARGE`, `SOURCE_REFUSED` for a name that is not
 * UTF-8; undefined: there is no such tree.
 */
export async function listTree(
  tree: string,
  maxEntries: number,
  options: GitOptions,
): Promise<readonly GitEntry[] | undefined> {
  const running = spawnGit(['ls-tree', '-r', '-l', '-z', '--full-tree', tree], options);
  running.stdin.end();
  // Awaited below on the way that succeeds; on the others the error that ended the listing matters.
  running.ended.catch(() => undefined);
  const entries: GitEntry[] = [];
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of running.stdout) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      let start = 0;
      for (let end = rest.indexOf(0, start); end >= 0; end = rest.indexOf(0, start)) {
        entries.push(parseEntry(rest.subarray(start, end)));
        start = end + 1;
        if (entries.length > maxEntries) throw tooMany(maxEntries);
      }
      rest = rest.subarray(start);
    }
    const { exitCode } = await running.ended;
    return exitCode === 0 ? entries : undefined;
  } finally {
    running.kill();
  }
}

function parseEntry(line: Buffer): GitEntry {
  const tab = line.indexOf(9);
  const [mode = '', , object = '', size = ''] = line.subarray(0, tab).toString('latin1').split(/ +/);
  return { mode, object, size: Number.parseInt(size, 10) || 0, path: decodePath(line.subarray(tab + 1)) };
}

function tooMany(maxEntries: number): GalleyError {
  return new GalleyError('SOURCE_TOO_LARGE', `The repository holds more than ${maxEntries} files.`, {
    hint: 'Keep data out of the repository, or build one folder of it: --subdir FOLDER.',
    details: { maxEntries },
  });
}
