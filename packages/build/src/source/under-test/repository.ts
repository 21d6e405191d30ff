import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export type Files = Readonly<Record<string, string | Buffer>>;

/** Runs git as somebody who has no configuration; what it printed. */
export function runGit(cwd: string, ...args: readonly string[]): string {
  return execFileSync('git', [...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 't',
      GIT_AUTHOR_EMAIL: 't@example.org',
      GIT_COMMITTER_NAME: 't',
      GIT_COMMITTER_EMAIL: 't@example.org',
      // Submodules are added by path here.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'protocol.file.allow',
      GIT_CONFIG_VALUE_0: 'always',
    },
  }).trim();
}

export async function layFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** A repository with one commit of `files` on `main`; its commit. */
export async function makeRepository(folder: string, files: Files): Promise<string> {
  await layFiles(folder, files);
  runGit(folder, 'init', '-q', '-b', 'main');
  return commitAll(folder, 'one');
}

export function commitAll(folder: string, message: string): string {
  runGit(folder, 'add', '-A');
  runGit(folder, 'commit', '-q', '--allow-empty', '-m', message);
  return runGit(folder, 'rev-parse', 'HEAD');
}

/**
 * Puts a tree together object by object, as no checkout could: names that a file system refuses, links and submodules of any sort. Names are
 * bytes; a name with `/` is not split. The commit is on `main`.
 */
export async function commitObjects(
  folder: string,
  entries: readonly { readonly mode: string; readonly name: Buffer | string; readonly content: string }[],
): Promise<string> {
  await mkdir(folder, { recursive: true });
  runGit(folder, 'init', '-q', '-b', 'main');
  const lines = entries.map(({ mode, name, content }) => {
    const object = mode === '160000' ? content : hashObject(folder, content);
    const type = mode === '160000' ? 'commit' : 'blob';
    return Buffer.concat([Buffer.from(`${mode} ${type} ${object}\t`), Buffer.from(name), Buffer.from([0])]);
  });
  const tree = execFileSync('git', ['mktree', '-z', '--missing'], {
    cwd: folder,
    input: Buffer.concat(lines),
  });
  const commit = runGit(folder, 'commit-tree', tree.toString().trim(), '-m', 'objects');
  runGit(folder, 'update-ref', 'refs/heads/main', commit);
  return commit;
}

function hashObject(folder: string, content: string): string {
  const input = Buffer.from(content, 'latin1');
  return execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: folder, input }).toString().trim();
}
