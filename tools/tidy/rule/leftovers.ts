import { isCode, lineAt } from '../path.ts';
import type { Finding, Rule } from '../rule.ts';

/** Banned words are spelled in parts, so that this file does not find itself. */
const notes = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
  ['XX', 'X'],
].map((parts) => parts.join(''));
const machineFolders = [
  ['wo', 'rk'],
  ['ro', 'ot'],
].map((parts) => parts.join(''));
const hosts = [
  ['pypi', 'org'],
  ['pythonhosted', 'org'],
  ['registry.npmjs', 'org'],
  ['deb.debian', 'org'],
  ['archive.ubuntu', 'com'],
  ['crates', 'io'],
].map((parts) => parts.join('\\.'));

interface Leftover {
  readonly pattern: RegExp;
  readonly message: string;
  readonly where: (path: string) => boolean;
}

const leftovers: readonly Leftover[] = [
  {
    pattern: /\b(?:it|test|describe|suite)(?:\.\w+)*\.only\b/g,
    message: 'keeps every other test from running; remove .only',
    where: (path) => path.endsWith('.test.ts'),
  },
  {
    pattern: new RegExp(`\\b(?:${notes.join('|')})\\b`, 'g'),
    message: 'do it now, or say in plain words what is not done',
    where: isCode,
  },
  {
    // At the start of a path only: a `work` folder of an overlay and a root below /proc are other things.
    pattern: new RegExp(`(?<![\\w.}/\\])*-])/(?:${machineFolders.join('|')})/`, 'g'),
    message: 'is a path of one machine; take it as a parameter',
    where: () => true,
  },
  {
    pattern: new RegExp(`\\b(?:${hosts.join('|')})\\b`, 'g'),
    message: 'names the host of a package registry; use what the machine is configured for',
    where: () => true,
  },
];

/** Nothing is left over from the making: narrowed tests, notes to oneself, one machine's paths, hosts of registries. */
export const leftoversRule: Rule = {
  name: 'nothing is left over from the making',
  check(tree) {
    return tree.paths.filter(isText).flatMap((path) => {
      const text = tree.read(path);
      return leftovers
        .filter(({ where }) => where(path))
        .flatMap(({ pattern, message }) =>
          [...text.matchAll(pattern)].map((match): Finding => ({
            path,
            line: lineAt(text, match.index),
            message: `"${match[0]}" ${message}`,
          })),
        );
    });
  },
};

function isText(path: string): boolean {
  return /\.(ts|mjs|js|py|md|json|toml|yaml|yml|txt|in|sh|ipynb|html|css)$|(^|\/)[^.]+$/.test(path);
}
