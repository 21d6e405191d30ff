import { rm } from 'node:fs/promises';
import type { Whiteout } from '@galley/image/tar/whiteout';
import { mustRun } from '../process/run-command.ts';
import { lstatOrUndefined, placeInside } from './inside-path.ts';

/** How many paths go into one command line. */
const batch = 200;

/**
 * Node can make neither a device nor an extended attribute. Python can, and every machine that runs Galley has it
 * (issue 3); `setfattr` is seldom installed. Paths come as arguments, never as code.
 */
const script = `
import os, stat, sys
for item in sys.argv[1:]:
    if item[0] == "w":
        os.mknod(item[1:], stat.S_IFCHR, 0)
    else:
        os.setxattr(item[1:], "trusted.overlay.opaque", b"y")
`;

const listing = `
import os, sys
for folder, _, _ in os.walk(os.fsencode(sys.argv[1])):
    try:
        if os.getxattr(folder, "trusted.overlay.opaque", follow_symlinks=False) == b"y":
            sys.stdout.buffer.write(folder + b"\\0")
    except OSError:
        pass
`;

/** The directories in an upper layer that hide what lower layers have there. Names that are not UTF-8 never match a path of ours. */
export async function listOpaque(directory: string): Promise<ReadonlySet<string>> {
  const found = await mustRun('python3', ['-I', '-c', listing, directory]);
  return new Set(found.split('\0').filter((path) => path !== ''));
}

/** Writes what a layer takes away from those below it in overlayfs's own form (engine.md §2). */
export async function applyWhiteouts(directory: string, whiteouts: readonly Whiteout[]): Promise<void> {
  const items: string[] = [];
  for (const { path, opaque } of whiteouts) {
    // With `/.` the directory itself is resolved and made, as a parent of nothing.
    const host = await placeInside(directory, `/${path}`);
    const found = await lstatOrUndefined(host);
    if (opaque) {
      items.push(`o${found?.isDirectory() ? host : directory}`);
    } else {
      if (found !== undefined) await rm(host, { recursive: true });
      items.push(`w${host}`);
    }
  }
  for (let at = 0; at < items.length; at += batch) {
    await mustRun('python3', ['-I', '-c', script, ...items.slice(at, at + batch)]);
  }
}
