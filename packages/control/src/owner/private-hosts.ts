import { readFile } from 'node:fs/promises';

/**
 * The operator's list of private addresses that workloads may be allowed to reach (DESIGN.md §5): a `host:port` a line, `#` begins a
 * comment. A file of the home and no setting of an application: whoever deploys, or writes a repository, must not open this machine's
 * network. Read at each request, so that a line is heard at once; no file is no line.
 */
export async function readPrivateHosts(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}
