/** Which file is what, from its path alone. */

/** Repositories and inputs as users have them: odd on purpose, so no rule about style applies. */
export function isFixture(path: string): boolean {
  return path.startsWith('examples/') || path.startsWith('tests/fixtures/') || path.includes('/fixtures/');
}

/** A file of our own code, tests included. */
export function isCode(path: string): boolean {
  return /\.(ts|mjs|py)$/.test(path) && !isFixture(path);
}

/** A file of ours that Node runs. */
export function isScript(path: string): boolean {
  return /\.(ts|mjs)$/.test(path) && !isFixture(path);
}

/** A file of ours that Python runs. */
export function isPython(path: string): boolean {
  return path.endsWith('.py') && !isFixture(path);
}

/** A test, or a suite of tests that several tests share. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || /(^|\/)(tests|contract)\//.test(path);
}

/** A composition root: the only place where concrete things are put together. */
export function isMain(path: string): boolean {
  return /(^|\/)main\.(ts|mjs)$/.test(path);
}

/** The room of a path: `build` for packages/build/src/x.ts; undefined outside packages. */
export function roomOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

/** The folder of a path, without a slash at its end; `.` for the root. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '.' : path.slice(0, slash);
}

/** The line, from 1, of a character's position. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
