import type { Stats } from 'node:fs';
import type { Readable } from 'node:stream';
import { packDirectory, type OutputLimits } from './pack-directory.ts';

/** What has to be known of the filesystem that is read. */
export interface UpperLayer {
  readonly directory: string;
  /** Host paths of the directories that hide what lies below them. */
  readonly opaque: ReadonlySet<string>;
  /** Host id of uid and gid 0 inside, and how many ids there are. */
  readonly shift: number;
  readonly ids: number;
  /** Paths that are left out with all below them, relative. */
  readonly omit: ReadonlySet<string>;
}

/**
 * An overlay's upper layer, of a workload that has ended, as the tar of an image layer (image-spec, layer.md), as `packDirectory` tells it. The directory itself
 * is left out. A name that begins with `.wh.` cannot be said in a layer: `OUTPUT_REFUSED`.
 */
export function packChanges(
  { directory, opaque, shift, ids, omit }: UpperLayer,
  limits: OutputLimits,
): Readable {
  // An owner outside the map cannot come from inside; it is told as nobody rather than as a host id.
  const inner = (id: number): number => (id >= shift && id < shift + ids ? id - shift : ids - 2);
  return packDirectory(
    {
      directory,
      what: 'What the workload changed',
      header: ({ mode, uid, gid }) => ({ mode: mode & 0o7777, uid: inner(uid), gid: inner(gid) }),
      omits: (name) => omit.has(name),
      faultOf: (name) => (name.startsWith('.wh.') ? 'would mean a removal in an image' : undefined),
      markOf: (name, stat) => (isRemoval(stat) ? `.wh.${name}` : undefined),
      marksIn: (path) => (opaque.has(path) ? ['.wh..wh..opq'] : []),
    },
    limits,
  );
}

/** overlayfs spells a removal as a character device 0:0; a process inside cannot make one. */
function isRemoval(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}
