import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { timed, tool } from './command.ts';

/** Milliseconds of a new environment with pip, then tar and gzip -6; nothing cached. */
export async function withPip(requirements: string, folder: string, signal: AbortSignal): Promise<number> {
  const place = join(folder, 'pip');
  try {
    const made = await timed([tool('python', 'python3'), '-m', 'venv', place], { signal });
    const install = [join(place, 'bin/pip'), 'install', '--quiet', '--no-cache-dir', '-r', requirements];
    return made + (await timed(install, { signal })) + (await packed(place, 'gzip -6', signal));
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** The same with uv and pigz. */
export async function withUv(requirements: string, folder: string, signal: AbortSignal): Promise<number> {
  const place = join(folder, 'uv');
  const uv = tool('uv', 'uv');
  try {
    const made = await timed([uv, 'venv', '--quiet', '--python', tool('python', 'python3'), place], {
      signal,
    });
    const install = [uv, 'pip', 'install', '--quiet', '--no-cache', '--python', join(place, 'bin/python')];
    const installed = await timed([...install, '-r', requirements], { signal });
    return made + installed + (await packed(place, 'pigz -6', signal));
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Milliseconds of tar through a compressor, both at once as people do it. */
async function packed(place: string, compressor: string, signal: AbortSignal): Promise<number> {
  const archive = `${place}.tar.gz`;
  const line = `tar -C "$0" -cf - . | ${compressor} > "$1"`;
  try {
    return await timed(['bash', '-o', 'pipefail', '-c', line, place, archive], { signal });
  } finally {
    await rm(archive, { force: true });
  }
}
