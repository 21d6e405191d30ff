import { createReadStream } from 'node:fs';
import { glob, lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { commitTime, git } from './git-command.ts';
import { matchIgnoreRules } from './ignore-rules.ts';
import type { IgnoreRule, SourceTree } from './source-tree.ts';
import { TreeBuilder } from './tree-builder.ts';
import { isGitInternal } from './tree-path.ts';

export interface DirectoryOptions {
  /** A private folder of this build for large files. */
  readonly spool: string;
  /** Globs whose files are taken although .gitignore keeps them back. Never .git. */
  readonly include: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * A directory as a source: what git would commit of it, were everything added. Inside a git work tree git itself decides;
 * elsewhere the .gitignore files do. Throws `SOURCE_NOT_FOUND` when it is no directory, `SOURCE_REFUSED`, `LFS_POINTER`, `SOURCE_TOO_LARGE`.
 */
export async function openDirectory(path: string, options: DirectoryOptions): Promise<SourceTree> {
  const root = resolve(path);
  const stat = await lstat(root).catch(() => undefined);
  if (stat?.isDirectory() !== true) {
    throw new GalleyError('SOURCE_NOT_FOUND', `${path} is not a directory.`, {
      hint: 'Give the folder that holds the notebooks, or the URL of a git repository.',
      details: { path },
    });
  }
  const listed = (await listWithGit(root, options.signal)) ?? (await listWithRules(root));
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
  return builder.finish({
    origin: 'directory',
    committedAt: await commitTime('HEAD', { cwd: root, signal: options.signal }),
    ignoredBy: (file) => explain(root, file),
  });
}

async function addFromDisk(builder: TreeBuilder, root: string, path: string): Promise<void> {
  const full = join(root, path);
  const stat = await lstat(full).catch(() => undefined);
  if (stat === undefined) return; // tracked by git, deleted on disk
  if (stat.isSymbolicLink()) {
    builder.addLink(path, await readlink(full));
  } else if (stat.isFile()) {
    const executable = (stat.mode & 0o100) !== 0;
    await builder.addFile(
      path,
      executable,
      stat.size < 65_536 ? await readFile(full) : createReadStream(full),
    );
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
  const rules = await readIgnoreFiles(root, files);
  return files.filter((path) => matchIgnoreRules(rules, path) === undefined);
}

async function readIgnoreFiles(root: string, files: readonly string[]): Promise<Map<string, string>> {
  const rules = new Map<string, string>();
  for (const path of files.filter((file) => posix.basename(file) === '.gitignore')) {
    const folder = posix.dirname(path);
    rules.set(folder === '.' ? '' : folder, await readFile(join(root, path), 'utf8'));
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
      if (entry.isDirectory()) open.push(path);
      else found.push(path);
    }
  }
  return found;
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
  return matchIgnoreRules(await readIgnoreFiles(root, await walk(root)), path);
}

export function splitNul(bytes: Buffer): readonly string[] {
  return bytes
    .toString('utf8')
    .split('\0')
    .filter((part) => part !== '');
}
