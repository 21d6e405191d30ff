import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';
import { isScript, lineAt } from './path.ts';
import type { Tree } from './tree.ts';

/** One import, re-export or `import()` of a script. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The path in the tree that it means; undefined for packages and Node's own modules. */
  readonly target: string | undefined;
  /** Nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
  /** From 1. */
  readonly line: number;
}

const known = new WeakMap<Tree, ReadonlyMap<string, readonly Import[]>>();

/** The imports of every script of the tree. Read once per tree: most rules ask. */
export function importsOf(tree: Tree): ReadonlyMap<string, readonly Import[]> {
  const cached = known.get(tree);
  if (cached !== undefined) return cached;
  const imports = new Map(tree.paths.filter(isScript).map((path) => [path, parsed(path, tree.read(path))]));
  known.set(tree, imports);
  return imports;
}

function parsed(path: string, text: string): Import[] {
  const { module } = parseSync(path, text);
  const make = (specifier: string, offset: number, typeOnly: boolean): Import => ({
    specifier,
    target: resolved(path, specifier),
    typeOnly,
    line: lineAt(text, offset),
  });
  const imports = module.staticImports.map((one) =>
    make(
      one.moduleRequest.value,
      one.start,
      one.entries.length > 0 && one.entries.every((entry) => entry.isType),
    ),
  );
  const exports = module.staticExports.flatMap((one) => {
    const request = one.entries.find((entry) => entry.moduleRequest)?.moduleRequest;
    return request
      ? [
          make(
            request.value,
            one.start,
            one.entries.every((entry) => entry.isType),
          ),
        ]
      : [];
  });
  const dynamic = module.dynamicImports.flatMap((one) => {
    const written = text.slice(one.moduleRequest.start, one.moduleRequest.end);
    const literal = /^(['"])(.*)\1$/.exec(written)?.[2];
    return literal === undefined ? [] : [make(literal, one.start, false)];
  });
  return [...imports, ...exports, ...dynamic];
}

/** Relative paths, and our own packages by their `exports` map (`./*` is `./src/*.ts`). */
function resolved(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  const own = /^@galley\/([^/]+)\/(.+)$/.exec(specifier);
  return own === null ? undefined : `packages/${own[1]}/src/${own[2]}.ts`;
}
