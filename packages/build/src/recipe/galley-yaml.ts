import { GalleyYaml } from '@galley/api/kind/application';
import { secretUseProblems } from '@galley/api/kind/secret-use';
import { GalleyError } from '@galley/api/error/galley-error';
import { Errors } from 'typebox/value';
import { YAMLParseError } from 'yaml';
import type { SourceTree } from '../source/source-tree.ts';
import { parseYaml } from './file/yaml.ts';

/**
 * `galley.yaml` at the root of a source; undefined when there is none. Unknown keys are refused, so that a misspelt setting is never
 * silently ignored. Throws `GALLEY_YAML_INVALID` with line and key.
 */
export async function readGalleyYaml(tree: SourceTree): Promise<GalleyYaml | undefined> {
  const file = tree.find('galley.yaml') ?? tree.find('galley.yml');
  if (file === undefined) return undefined;
  return parseGalleyYaml((await tree.read(file, 256 * 1024)).toString('utf8'), file.path);
}

/** The text of a galley.yaml as a checked value; `name` is what errors call it. Throws `GALLEY_YAML_INVALID`. */
export function parseGalleyYaml(text: string, name = 'galley.yaml'): GalleyYaml {
  let value: unknown;
  try {
    value = parseYaml(text) ?? {};
  } catch (cause) {
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined;
    throw invalid(name, `cannot be read${line === undefined ? '' : ` at line ${line}`}`, cause);
  }
  const [error] = Errors(GalleyYaml, value);
  if (error !== undefined) {
    const path = pathOf(error.instancePath, error);
    throw invalid(name, `is wrong at ${path === '' ? 'its root' : path}: ${error.message}`);
  }
  // The schema has just said so.
  const settings = value as GalleyYaml;
  const [wrong] = secretUseProblems(settings.secrets ?? []);
  if (wrong !== undefined) throw invalid(name, `is wrong at secrets.${wrong.index}: it ${wrong.problem}`);
  return settings;
}

/** Names the unknown key itself where the schema only names its parent. */
function pathOf(pointer: string, error: { readonly params?: unknown }): string {
  const parent = pointer.split('/').slice(1).join('.');
  const params = (error.params ?? {}) as { additionalProperties?: readonly string[] };
  const [extra] = params.additionalProperties ?? [];
  return [parent, extra].filter((part) => part !== undefined && part !== '').join('.');
}

function invalid(name: string, what: string, cause?: unknown): GalleyError {
  return new GalleyError('GALLEY_YAML_INVALID', `${name} ${what}.`, {
    hint: 'Correct it; galley init writes one that is right.',
    ...(cause === undefined ? {} : { cause }),
  });
}
