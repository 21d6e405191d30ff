import { GalleyError } from '@galley/api/error/galley-error';

/** Longer paths fit no file system of Linux (PATH_MAX). */
export const pathBytesMax = 4096;
/** Longer names fit no file system of Linux (NAME_MAX). */
const nameBytesMax = 255;

/** Why a relative path is refused, in words that complete "the path is refused: it …"; undefined when it is fine. */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.startsWith('/')) return 'is absolute';
  if (path.includes('\0')) return 'holds a NUL byte';
  if (path.includes('\uFFFD')) return 'is not UTF-8';
  if (Buffer.byteLength(path) > pathBytesMax) return `is longer than ${pathBytesMax} bytes`;
  for (const part of path.split('/')) {
    if (part === '') return 'has an empty part';
    if (part === '.' || part === '..') return `has a part "${part}"`;
    if (part.length > 63 && Buffer.byteLength(part) > nameBytesMax) {
      return `has a part of more than ${nameBytesMax} bytes`;
    }
  }
  return undefined;
}

/** Throws `IMAGE_INVALID` unless the path is relative and stays inside. */
export function checkPath(path: string, what: string): void {
  const fault = pathFault(path);
  if (fault === undefined) return;
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  throw new GalleyError('IMAGE_INVALID', `${what} holds the path ${shown}, which ${fault}.`, {
    details: { path: path.slice(0, 1000), fault },
  });
}

/** The directories above a path, outermost first. */
export function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    parents.push(path.slice(0, slash));
  }
  return parents;
}

/** OCI's mark of a removed path (image-spec, layer.md, "Whiteouts"). No file of ours may be called so: it would delete instead of add. */
export const whiteoutPrefix = '.wh.';

/** True when some part of the path is a whiteout. */
export function holdsWhiteout(path: string): boolean {
  return path.startsWith(whiteoutPrefix) || path.includes(`/${whiteoutPrefix}`);
}
