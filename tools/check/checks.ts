/** One check: a command that exits 0 when all is well and prints its findings otherwise. */
export interface Check {
  readonly name: string;
  /** Program and arguments, from the root of the repository; the first is looked for in node_modules/.bin, `node` is ours. */
  readonly command: readonly [string, ...string[]];
  /** What to type to see it alone, or to mend it. */
  readonly fix: string;
}

/** Every check, fastest first within its sort. */
export const checks: readonly Check[] = [
  { name: 'types', command: ['tsc', '-p', '.'], fix: 'npx tsc -p .' },
  // A configuration of its own: no Node types, so that a stray `node:` import in the shared language cannot compile.
  { name: 'types of packages/api', command: ['tsc', '-p', 'packages/api'], fix: 'npx tsc -p packages/api' },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings', '.'], fix: 'npm run fix' },
  { name: 'format', command: ['oxfmt', '--check', '.'], fix: 'npm run fix' },
  { name: 'tidy', command: ['node', 'tools/tidy/main.ts'], fix: 'node tools/tidy/main.ts' },
];
