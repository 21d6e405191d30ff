import { adapters, compositionRoots } from '../arrows.ts';
import { importsOf } from '../imports.ts';
import { isMain, isTest } from '../path.ts';
import type { Rule } from '../rule.ts';

/** Concrete engines are chosen in one place: a `main.ts`. */
export const adaptersRule: Rule = {
  name: 'adapters are imported only by composition roots and tests',
  check(tree) {
    return [...importsOf(tree)].flatMap(([path, imports]) => {
      if (isMain(path) || isTest(path) || path.startsWith('bench/') || path in compositionRoots) return [];
      return imports.flatMap(({ target, line }) => {
        const adapter = adapters.find((folder) => target?.startsWith(folder));
        if (adapter === undefined || path.startsWith(adapter)) return [];
        return [
          {
            path,
            line,
            message: `${target} is an adapter; take an Engine as a parameter and choose it in main.ts`,
          },
        ];
      });
    });
  },
};
