/** Mounted afresh wherever an image runs, or scratch by agreement (FHS §3.18, §5.15): a layer with them would only leak. */
const scratch = ['dev', 'proc', 'run', 'sys', 'tmp', 'var/run', 'var/tmp', 'galley/in', 'galley/out'];

/** Downloads that package managers keep for their next run (builders.md §6.9: 140 MB of an image were pip's). */
const caches = [
  /(^|\/)\.cache\/(pip|pipenv|pypoetry|uv|yarn|go-build)(\/|$)/,
  /(^|\/)\.npm\/_(cacache|logs)(\/|$)/,
  /^var\/cache\/(apt|dnf|yum|debconf|ldconfig)\/./,
  /^var\/lib\/apt\/lists\/./,
];

/** True for paths that a step may write to and that no image takes over. */
export function isScratch(path: string): boolean {
  return scratch.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

/** True for what a package manager would fetch again. */
export function isPackageCache(path: string): boolean {
  return caches.some((pattern) => pattern.test(path));
}

/**
 * Bytecode that can never be used in a layer: its header names the time of its source (PEP 552, flags 0), and in a layer every time is
 * the same. Python would compile again at each start, so it costs room, and its bytes differ from run to run.
 * `head`: the first 16 bytes.
 */
export function isStaleBytecode(path: string, head: Buffer): boolean {
  if (!/(^|\/)__pycache__\/[^/]+\.pyc$/.test(path) || head.length < 8) return false;
  return head.readUInt32LE(4) === 0;
}

/** The source that `__pycache__/NAME.TAG.pyc` was compiled from. */
export function sourceOfBytecode(path: string): string {
  return path.replace(/__pycache__\/([^/.]+)\.[^/]*$/, '$1.py');
}
