import { chmod, mkdir } from 'node:fs/promises';

/**
 * Makes a folder with this mode, which other ids must be able to pass: said again afterwards, since the umask of the person who runs us takes
 * from what `mkdir` is told. The umask itself is the whole process's, and what commands write for that person is to obey it.
 */
export async function makeFolder(path: string, mode: number, { recursive = false } = {}): Promise<void> {
  await mkdir(path, { mode, recursive });
  await chmod(path, mode);
}
