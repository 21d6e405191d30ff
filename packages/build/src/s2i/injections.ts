import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Injection } from './s2i.ts';

/** Each file is mounted on its own; secrets are small and few. */
const filesMax = 200;
const bytesMax = 16 << 20;

/**
 * Reads `SRC:DEST` of the command line: a file, or a folder whose content goes into DEST. DEST is absolute or begins at the image's working directory;
 * without it that is where things go. Links are followed on this side, as Kubernetes writes secrets as links; its hidden `..data` is left out. Throws `SOURCE_REFUSED`.
 */
export async function readInjection(
  text: string,
  cwd: string,
  workingDir: string,
): Promise<readonly Injection[]> {
  const at = text.lastIndexOf(':');
  const source = at === -1 ? text : text.slice(0, at);
  const target = posix.resolve(workingDir, at === -1 ? '' : text.slice(at + 1));
  const root = resolve(cwd, source);
  const found = await stat(root).catch(() => undefined);
  if (source === '' || found === undefined) throw refused(text, `there is nothing at ${root}`);
  const injections: Injection[] = [];
  let bytes = 0;
  const take = async (file: string, path: string): Promise<void> => {
    const content = await readFile(file);
    bytes += content.length;
    if (injections.length >= filesMax || bytes > bytesMax)
      throw refused(text, `it has more than ${filesMax} files or ${bytesMax >> 20} MiB`);
    injections.push({ path, content });
  };
  const walk = async (folder: string, path: string): Promise<void> => {
    for (const name of (await readdir(folder)).sort()) {
      if (name.startsWith('..')) continue;
      const file = join(folder, name);
      const status = await stat(file).catch(() => undefined);
      if (status?.isDirectory() === true) await walk(file, posix.join(path, name));
      else if (status?.isFile() === true) await take(file, posix.join(path, name));
    }
  };
  if (found.isDirectory()) await walk(root, target);
  else await take(root, at === -1 || text.endsWith('/') ? posix.join(target, posix.basename(root)) : target);
  return injections;
}

function refused(text: string, why: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `${JSON.stringify(text)} cannot be injected: ${why}.`, {
    hint: 'Give SOURCE:DESTINATION, a file or folder of this machine and where it is to be seen.',
    details: { injection: text },
  });
}
