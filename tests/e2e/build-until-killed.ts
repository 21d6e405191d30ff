import { openBuildHome } from './build-home.ts';

/**
 * A process that builds and can be killed: `build-until-killed.ts HOME PATH`. It prints a line per event, so that whoever kills it knows how far
 * it is, and at the end the image's digest.
 */
const [root = '', path = ''] = process.argv.slice(2);
const home = await openBuildHome(root);
const result = await home.build(
  path,
  { name: 'killed' },
  { emit: ({ phase, step, state }) => process.stdout.write(`${phase} ${state} ${step}\n`) },
);
process.stdout.write(`image ${result.image}\n`);
await home.dispose();
