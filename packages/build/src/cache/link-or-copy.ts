import { copyFile, link } from 'node:fs/promises';

/** A second name for a file that nobody changes; on another disk a copy. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}
