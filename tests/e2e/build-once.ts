import { openBuildHome } from './build-home.ts';

/**
 * A build in a process of its own, which can be killed, or run in another time zone: `build-once.ts HOME PATH`. It prints a line per event, so that
 * whoever kills it knows how far it is, and at the end the digests of the environment and of the image.
 */
const [root = '', path = ''] = process.argv.slice(2);
const home = await openBuildHome(root);
const result = await home.build(
  path,
  { name: 'once' },
  { emit: ({ phase, step, state }) => process.stdout.write(`${phase} ${state} ${step}\n`) },
);
process.stdout.write(`environment ${result.environment}\nimage ${result.image}\n`);
await home.dispose();
