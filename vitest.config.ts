import { defineConfig } from 'vitest/config';

/**
 * One project for the whole repository: tests sit beside what they test (`x.test.ts`) or under `tests/`.
 * Long proofs end in `.long.test.ts` and run only in `npm run test:long`.
 */
export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'tests/**/*.test.ts',
      'tools/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    exclude:
      process.env['GALLEY_TEST_LONG'] === '1'
        ? ['**/node_modules/**']
        : ['**/node_modules/**', '**/*.long.test.ts'],
    testTimeout: 60_000,
    // The default of a second is no deadline on a machine that does something else as well.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 120_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
