import { lineAt } from '../path.ts';
import type { Finding, Rule } from '../rule.ts';
import type { Tree } from '../tree.ts';

const page = 'docs/dependencies.md';

interface Named {
  readonly name: string;
  readonly path: string;
  readonly line: number;
}

/** Every dependency has a sentence that says why, and nothing has a sentence that is not there any more. */
export const dependenciesRule: Rule = {
  name: 'every dependency has its line in docs/dependencies.md, and every line its dependency',
  check(tree) {
    const declared = [...npm(tree), ...debian(tree), ...python(tree)];
    const explained = lines(tree);
    const findings: Finding[] = [];
    const names = new Set(explained.map(({ name }) => name));
    const used = new Set(declared.map(({ name }) => name));
    for (const { name, path, line } of declared.filter((one) => !names.has(one.name))) {
      findings.push({ path, line, message: `${name} is not explained; add "- ${name} — why" to ${page}` });
    }
    for (const { name, path, line } of explained.filter((one) => !used.has(one.name))) {
      findings.push({ path, line, message: `${name} is no dependency; remove the line` });
    }
    for (const { name, path, line } of explained.filter(
      (one, at) => explained.findIndex((o) => o.name === one.name) < at,
    )) {
      findings.push({ path, line, message: `${name} is explained twice; keep one line` });
    }
    return findings;
  },
};

function npm(tree: Tree): Named[] {
  return tree.paths
    .filter((path) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
    .flatMap((path) => {
      const text = tree.read(path);
      const manifest: Record<string, Record<string, string> | undefined> = JSON.parse(text);
      return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']
        .flatMap((sort) => Object.keys(manifest[sort] ?? {}))
        .filter((name) => !name.startsWith('@galley/'))
        .map((name) => ({ name, path, line: lineAt(text, text.indexOf(`"${name}"`)) }));
    });
}

function debian(tree: Tree): Named[] {
  return listed(tree, 'tools/bootstrap/debian-packages.txt', /^([\w.+-]+)/);
}

function python(tree: Tree): Named[] {
  const roots = listed(tree, 'tools/bootstrap/python-requirements.in', /^([\w.-]+)/);
  const uv = 'tools/bootstrap/uv.mjs';
  return tree.paths.includes(uv) ? [...roots, { name: 'uv', path: uv, line: 1 }] : roots;
}

function listed(tree: Tree, path: string, pattern: RegExp): Named[] {
  if (!tree.paths.includes(path)) return [];
  return tree
    .read(path)
    .split('\n')
    .flatMap((text, index) => {
      const name = pattern.exec(text)?.[1];
      return name === undefined ? [] : [{ name, path, line: index + 1 }];
    });
}

function lines(tree: Tree): Named[] {
  return listed(tree, page, /^- (\S+) — \S/);
}
