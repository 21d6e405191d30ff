import { isPython } from '../path.ts';
import type { Rule } from '../rule.ts';

/** Run by name, by Python, by pytest or by the launcher of the image. */
const entry = /(^|\/)(__main__|__init__|conftest|test_\w+)\.py$/;

/**
 * Every Python module is imported, or named in a string, by another file. Imports are read by pattern: `from .a import b`, `from . import a, b`,
 * `import package.a`; a name in a string counts too (`-m package.a`).
 */
export const unreferencedPythonRule: Rule = {
  name: 'no Python module is unreferenced',
  check(tree) {
    const modules = tree.paths.filter(isPython);
    const users = tree.paths.filter((path) => /\.(py|ts|mjs|toml)$/.test(path));
    return modules
      .filter((path) => !entry.test(path))
      .filter((path) => {
        const name = /([^/]+)\.py$/.exec(path)?.[1] ?? '';
        const used = new RegExp(
          `^\\s*from\\s+[\\w.]*\\b${name}\\s+import|^\\s*from\\s+[\\w.]+\\s+import\\s+[^#\\n]*\\b${name}\\b|` +
            `^\\s*from\\s+[\\w.]+\\s+import\\s*\\([^)]*\\b${name}\\b|^\\s*import\\s+[\\w.]*\\b${name}\\b|['"\`/.]${name}(\\.py)?['"\`]`,
          'm',
        );
        return !users.some((other) => other !== path && used.test(tree.read(other)));
      })
      .map((path) => ({ path, line: 1, message: 'nothing imports this module; use it or remove it' }));
  },
};
