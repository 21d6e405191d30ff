import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads about a process in /proc; everything is empty when it is gone. Contents are the workload's: hostile text. */
export async function readProc(pid: number, name: string): Promise<string> {
  return readFile(join('/proc', String(pid), name), 'utf8').catch(() => '');
}

export async function linkOf(pid: number, name: string): Promise<string> {
  return readlink(join('/proc', String(pid), name)).catch(() => '');
}

/** `Key: value` of /proc/PID/status. */
export async function readStatus(pid: number): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  for (const line of (await readProc(pid, 'status')).split('\n')) {
    const at = line.indexOf(':');
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return fields;
}

/** What open file descriptors lead to: how many there are, and the first of them. */
export async function readOpenFiles(
  pid: number,
  sampleMax: number,
): Promise<{ open: number; sample: string[] }> {
  const names = await readdir(join('/proc', String(pid), 'fd')).catch(() => []);
  const sample = await Promise.all(names.slice(0, sampleMax).map((name) => linkOf(pid, `fd/${name}`)));
  return { open: names.length, sample: sample.filter((target) => target !== '') };
}

/** Text with its NUL-separated parts apart. */
export function nulSeparated(text: string): string[] {
  return text.split('\0').filter((part) => part !== '');
}
