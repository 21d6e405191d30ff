/**
 * Who may use whom, types included: api ← image ← engine ← build ← control ← cli. Each room may use those to its left.
 * ARCHITECTURE.md draws this table. Folders outside packages (tests, bench, tools) may use every room; no room may use them.
 */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  api: [],
  image: ['api'],
  engine: ['api', 'image'],
  build: ['api', 'image', 'engine'],
  control: ['api', 'image', 'engine', 'build'],
  cli: ['api', 'image', 'engine', 'build', 'control'],
};

/** Ways to run workloads. They know nobody but the contract, and only composition roots and tests know them. */
export const adapters: readonly string[] = ['packages/engine/src/runc/', 'packages/engine/src/memory/'];

/** Files besides `main.ts` that put concrete things together, each with its reason. */
export const compositionRoots: Readonly<Record<string, string>> = {
  'packages/control/src/open-home.ts':
    'opens a home for the server and for a build without one: both need the engine of this machine',
  'packages/control/src/lab/open-labs.ts':
    'opens the engine of `galley lab`, which runs beside whoever owns the home',
  'packages/control/src/check-machine.ts':
    'asks the engine of this machine what it lacks, for `galley doctor`',
};
