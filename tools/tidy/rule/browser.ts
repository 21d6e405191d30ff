import { importsOf } from '../imports.ts';
import { isTest } from '../path.ts';
import type { Rule } from '../rule.ts';

/** The shared language runs in a browser, so it has no module of Node's. */
export const browserRule: Rule = {
  name: "api uses none of Node's own modules",
  check(tree) {
    return [...importsOf(tree)].flatMap(([path, imports]) => {
      if (!path.startsWith('packages/api/') || isTest(path)) return [];
      return imports
        .filter(({ specifier }) => specifier.startsWith('node:'))
        .map(({ specifier, line }) => ({
          path,
          line,
          message: `${specifier} does not exist in a browser; do this in the room that needs it`,
        }));
    });
  },
};
