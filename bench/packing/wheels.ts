import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { timed, tool } from '../peer/command.ts';

/** A wheel on the disk. */
export interface Wheel {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The environment that every layer of the benchmarks is made for. */
export const environment = { prefix: '/opt/galley/env', pythonVersion: '3.11' };

/** The wheels of `roots` and of all they need, as pip finds them, in `folder`. */
export async function downloadWheels(
  roots: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<readonly Wheel[]> {
  const pip = [tool('python', 'python3'), '-m', 'pip', 'download', '--quiet', '--no-cache-dir'];
  await timed([...pip, '--only-binary', ':all:', '--dest', folder, ...roots], { signal });
  const wheels: Wheel[] = [];
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.whl')).sort()) {
    const path = join(folder, name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash, { signal });
    wheels.push({ path, sha256: hash.digest('hex'), bytes: (await stat(path)).size });
  }
  return wheels;
}

/** `99 wheels, 122 MB`. */
export function sizeOf(wheels: readonly Wheel[]): string {
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
  return `${wheels.length} wheels, ${Math.round(bytes / 1e6)} MB`;
}
