import { importsOf } from '../imports.ts';
import type { Finding, Rule } from '../rule.ts';

/** No file imports itself by way of others. Imports of types alone are left out: they are gone when the program runs. */
export const cyclesRule: Rule = {
  name: 'no imports of values go round in a circle',
  check(tree) {
    const graph = new Map(
      [...importsOf(tree)].map(([path, imports]) => [path, imports.filter(({ typeOnly }) => !typeOnly)]),
    );
    const findings: Finding[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const way: string[] = [];
    const visit = (path: string): void => {
      state.set(path, 'open');
      way.push(path);
      for (const { target, line } of graph.get(path) ?? []) {
        if (target === undefined || !graph.has(target)) continue;
        if (state.get(target) === 'open') {
          const circle = [...way.slice(way.indexOf(target)), target].join(' → ');
          findings.push({
            path,
            line,
            message: `${circle}; move what both ends need into a file of its own`,
          });
        } else if (!state.has(target)) visit(target);
      }
      way.pop();
      state.set(path, 'done');
    };
    for (const path of graph.keys()) if (!state.has(path)) visit(path);
    return findings;
  },
};
