import { closeSync, createReadStream, lstatSync, readFileSync } from 'node:fs';
import { glob, lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { commitFacts } from './git/commit-facts.ts';
import { git } from './git/run-git.ts';
import { IgnoreMatcher } from './ignore-rules.ts';
import { fetchObjects } from './lfs/fetch-objects.ts';
import { openInside } from './open-inside.ts';
import type { IgnoreRule, SourceTree } from './source-tree.ts';
import { TreeBuilder } from './tree-builder.ts';
import { decodePath, isGitInternal } from './tree-path.ts';

export interface DirectoryOptions {
  /** A private folder of this build for large files. */
  readonly spool: string;
  /** Globs whose files are taken although .gitignore keeps them back. Never .git. */
  readonly include: readonly string[];
  /** Only these of its files, whatever .gitignore says, where they are there. */
  readonly only?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A directory as a source: what git would commit of it, were everything added. Inside a git work tree git itself decides;
 * elsewhere the .gitignore files do. Throws `SOURCE_NOT_FOUND` when it is no directory, `SOURCE_REFUSED`, `LFS_POINTER`, `SOURCE_TOO_LARGE`.
 */
export async function openDirectory(path: string, options: DirectoryOptions): Promise<SourceTree> {
  const stat = await lstat(resolve(path)).catch(() => undefined);
  if (stat?.isDirectory() !== true) {
    throw new GalleyError('SOURCE_NOT_FOUND', `${path} is not a directory.`, {
      hint: 'Give the folder that holds the notebooks, or the URL of a git repository.',
      details: { path },
    });
  }
  const root = await realpath(path);
  const listed = options.only ?? (await listWithGit(root, options.signal)) ?? (await listWithRules(root));
  const paths = new Set(listed);
  for (const pattern of options.include) {
    for await (const found of glob(pattern, { cwd: root })) {
      const full = join(root, found);
      for (const inner of (await lstat(full)).isDirectory() ? await walk(full) : ['']) {
        paths.add(inner === '' ? found : posix.join(found, inner));
      }
    }
  }
  const builder = new TreeBuilder(options.spool);
  for (const file of paths) {
    options.signal?.throwIfAborted();
    if (!isGitInternal(file)) await addFromDisk(builder, root, file);
  }
  await resolvePointers(builder, root, options.signal);
  return builder.finish({
    origin: 'directory',
    ...(await commitFacts('HEAD', { cwd: root, signal: options.signal })),
    ignoredBy: (file) => explain(root, file),
  });
}

async function addFromDisk(builder: TreeBuilder, root: string, path: string): Promise<void> {
  const full = join(root, path);
  // Synchronous as far as small files go: a trip through the thread pool costs a hundred times the read, and there may be 100,000.
  const stat = lstatSync(full, { throwIfNoEntry: false });
  if (stat === undefined) return; // tracked by git, deleted on disk
  if (stat.isFile()) {
    const file = openInside(root, path);
    if (file === undefined) return;
    try {
      const content =
        stat.size < 65_536 ? readFileSync(file) : createReadStream('', { fd: file, autoClose: false });
      await builder.addFile(path, (stat.mode & 0o100) !== 0, content, stat.size);
    } finally {
      closeSync(file);
    }
    return;
  }
  // Behind a symlink git sees nothing either.
  if ((await realpath(dirname(full))) !== dirname(full)) return;
  if (stat.isSymbolicLink()) {
    builder.addLink(path, await readlink(full));
  } else if (stat.isDirectory()) {
    // A submodule or a nested repository: git lists it as one entry.
    const inner = (await listWithGit(full)) ?? (await listWithRules(full));
    for (const file of inner) {
      const nested = posix.join(path, file);
      if (!isGitInternal(nested)) await addFromDisk(builder, root, nested);
    }
  }
  // Sockets, pipes and devices are no part of a repository: git does not see them either.
}

/** What `git lfs fetch` brought into the clone without laying it into the work tree; what it did not stays a pointer. */
async function resolvePointers(builder: TreeBuilder, root: string, signal?: AbortSignal): Promise<void> {
  if (builder.pointers.length === 0) return;
  const found = await git(['rev-parse', '--git-path', 'lfs/objects'], { cwd: root, signal }).catch(
    () => undefined,
  );
  const path = found?.exitCode === 0 ? resolve(root, found.stdout.toString('utf8').trim()) : undefined;
  if (path === undefined) return;
  await fetchObjects(
    builder.pointers,
    { kind: 'folder', path },
    {
      credentials: undefined,
      allow: () => false,
      keep: (pointer, content) => builder.resolvePointer(pointer, content),
      signal,
    },
  ).catch((error: unknown) => {
    if (!(error instanceof GalleyError && error.code === 'LFS_POINTER')) throw error;
  });
}

/** Undefined: not in a git work tree, or there is no git. */
async function listWithGit(root: string, signal?: AbortSignal): Promise<readonly string[] | undefined> {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const result = await git(args, { cwd: root, signal }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (result?.exitCode !== 0) return undefined;
  return splitNul(result.stdout).map((path) => path.replace(/\/$/, ''));
}

async function listWithRules(root: string): Promise<readonly string[]> {
  const files = await walk(root);
  const rules = new IgnoreMatcher(readIgnoreFiles(root, files));
  return files.filter((path) => rules.match(path) === undefined);
}

function readIgnoreFiles(root: string, files: readonly string[]): Map<string, string> {
  const rules = new Map<string, string>();
  for (const path of files.filter((file) => posix.basename(file) === '.gitignore')) {
    const file = openInside(root, path);
    if (file === undefined) continue;
    try {
      const folder = posix.dirname(path);
      rules.set(folder === '.' ? '' : folder, readFileSync(file, 'utf8'));
    } finally {
      closeSync(file);
    }
  }
  return rules;
}

/** Every file and symlink below, without .git, in no order. Symlinked folders are not entered. */
async function walk(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  const open = [''];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.name === '.git') continue;
      // Node replaces what is not UTF-8, and nothing lies under the replaced name: told with its bytes instead of being left out.
      if (entry.name.includes('\uFFFD')) await findOddName(join(root, folder));
      if (entry.isDirectory()) open.push(path);
      else found.push(path);
    }
  }
  return found;
}

/** Throws `SOURCE_REFUSED` for the first name of a folder that is not UTF-8; a name that holds U+FFFD itself is none. */
async function findOddName(folder: string): Promise<void> {
  for (const name of await readdir(folder, { encoding: 'buffer' })) decodePath(name);
}

async function explain(root: string, path: string): Promise<IgnoreRule | undefined> {
  const result = await git(['check-ignore', '-v', '-z', '--no-index', '--', path], { cwd: root }).catch(
    () => undefined,
  );
  if (result !== undefined && result.exitCode <= 1) {
    const [file, line, pattern] = splitNul(result.stdout);
    if (file === undefined || line === undefined || pattern === undefined) return undefined;
    return pattern.startsWith('!') ? undefined : { file, line: Number(line), pattern };
  }
  return new IgnoreMatcher(readIgnoreFiles(root, await walk(root))).match(path);
}

function splitNul(bytes: Buffer): readonly string[] {
  const parts: string[] = [];
  for (let start = 0, end = bytes.indexOf(0); end >= 0; start = end + 1, end = bytes.indexOf(0, start)) {
    if (end > start) parts.push(decodePath(bytes.subarray(start, end)));
  }
  return parts;
}
