import { importsOf } from '../imports.ts';
import { isMain, isTest } from '../path.ts';
import type { Rule } from '../rule.ts';

const importsMax = 25;

/** A file that needs half the house does more than one thing. Composition roots and tests may. */
export const importCountRule: Rule = {
  name: `no file imports more than ${importsMax} others`,
  check(tree) {
    return [...importsOf(tree)]
      .filter(([path, imports]) => imports.length > importsMax && !isMain(path) && !isTest(path))
      .map(([path, imports]) => ({
        path,
        line: 1,
        message: `${imports.length} imports, ${importsMax} are allowed; split the file by concept`,
      }));
  },
};
