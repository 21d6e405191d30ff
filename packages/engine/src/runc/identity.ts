import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

/**
 * Host uid and gid of uid 0 inside every workload. Image files are unpacked shifted to this range, which no process
 * ever runs as; it lies outside what Debian hands out (`/etc/subuid` starts at 100000) and below 2^31 (engine.md §1.2).
 */
export const shiftBase = 1_200_000_000;
/** How many ids from `shiftBase` on are mapped. */
export const shiftCount = 65_536;

/** Projects get their uid from here on, as OpenShift does. */
const firstProjectUid = 1_000_660_000;
const projectUids = 400_000;

/** Hands every project a host uid of its own and remembers it: processes of two projects never share a uid. */
export interface ProjectUids {
  uidOf(project: string): Promise<number>;
}

/**
 * Reads the allocation at `file`. The first try is a hash of engine and project, so that two engines of one machine
 * seldom meet; what is taken in this engine is skipped, so that two projects never do.
 */
export async function openProjectUids(file: string, instance: string): Promise<ProjectUids> {
  const allocated = new Map(Object.entries(await readAllocation(file)));
  let writing: Promise<void> = Promise.resolve();
  return {
    async uidOf(project) {
      const known = allocated.get(project);
      if (known !== undefined) {
        await writing;
        return known;
      }
      const taken = new Set(allocated.values());
      const hash = createHash('sha256').update(`${instance}/${project}`).digest();
      let uid = firstProjectUid + (hash.readUInt32BE(0) % projectUids);
      while (taken.has(uid)) uid = firstProjectUid + ((uid + 1 - firstProjectUid) % projectUids);
      allocated.set(project, uid);
      const text = JSON.stringify({
        schema: 'galley.dev/project-uids/v1',
        uids: Object.fromEntries(allocated),
      });
      writing = writing.then(async () => {
        await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
        await rename(`${file}.new`, file);
      });
      await writing;
      return uid;
    },
  };
}

async function readAllocation(file: string): Promise<Record<string, number>> {
  try {
    // Written by us alone, in a directory of mode 0700.
    const content = JSON.parse(await readFile(file, 'utf8')) as { uids: Record<string, number> };
    return content.uids;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
