import { GalleyError } from '@galley/api/error/galley-error';
import { parse } from 'smol-toml';
import { mergeDeclared, nothingDeclared, type Declared } from './declared.ts';
import type { Notebook } from './notebook.ts';
import { parseRequirement } from './requirement.ts';

/** The block `# /// script` of inline script metadata (PEP 723, now in the specifications of PyPA); the last line must be `# ///`. */
const block = /^# \/\/\/ script\r?\n((?:#(?: .*)?\r?\n)*?)# \/\/\/\s*$/m;

/** The TOML inside of the block; undefined: the script has none. */
export function inlineMetadata(text: string): string | undefined {
  const found = block.exec(text)?.[1];
  return found?.replace(/^# ?/gm, '');
}

/** What scripts ask for in their inline metadata. Throws `REQUIREMENTS_INVALID`. */
export function readScriptMetadata(notebooks: readonly Notebook[]): Declared {
  return mergeDeclared(
    notebooks.flatMap(({ path, inline }) => (inline === undefined ? [] : [readOne(path, inline)])),
  );
}

function readOne(path: string, inline: string): Declared {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = parse(inline);
  } catch (cause) {
    throw new GalleyError('REQUIREMENTS_INVALID', `The metadata in ${path} is no TOML.`, {
      hint: 'Write it as PEP 723 has it: # dependencies = ["pandas==2.3.3"]',
      details: { from: path },
      cause,
    });
  }
  const { dependencies, 'requires-python': range } = value;
  const listed = Array.isArray(dependencies) ? dependencies.filter((item) => typeof item === 'string') : [];
  return {
    ...nothingDeclared,
    requirements: listed.map((item) => parseRequirement(item, `metadata of ${path}`)),
    ...(typeof range === 'string' ? { python: { range, from: `metadata of ${path}` } } : {}),
  };
}
