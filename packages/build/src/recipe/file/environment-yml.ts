import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../../source/source-tree.ts';
import { mergeDeclared, nothingDeclared, type Declared, type PythonSaid } from '../declared.ts';
import { parseRequirement } from '../requirement.ts';
import { condaName } from './conda-names.ts';
import { isTable, type Table } from './pyproject.ts';
import { parseRequirementsTxt } from './requirements-txt.ts';
import { parseYaml } from './yaml.ts';

/**
 * A conda environment, taken from the Python index where that gives the same software. Builds (`=py38_0`) and channels are left
 * out and said; a name that is not known to be the same there is refused by name. Throws `CONDA_PACKAGE_UNKNOWN`, `REQUIREMENTS_INVALID`.
 */
export async function readEnvironmentYml(tree: SourceTree, path: string): Promise<Declared> {
  const document = await readYaml(tree, path);
  const dependencies = Array.isArray(document['dependencies'])
    ? (document['dependencies'] as readonly unknown[])
    : [];
  const all: Declared[] = [];
  const leftOut: string[] = [];
  for (const item of dependencies) {
    if (typeof item === 'string') all.push(readSpec(item, path, leftOut));
    else if (isTable(item)) {
      const lines = Array.isArray(item['pip']) ? (item['pip'] as readonly unknown[]) : [];
      all.push(await parseRequirementsTxt(lines.map(String).join('\n'), path, tree));
    }
  }
  const merged = mergeDeclared(all);
  const warnings =
    leftOut.length === 0
      ? []
      : [`${path}: left out, since wheels or the base have them: ${leftOut.join(', ')}`];
  return { ...merged, warnings: [...merged.warnings, ...warnings] };
}

async function readYaml(tree: SourceTree, path: string): Promise<Table> {
  const file = tree.find(path);
  const text = file === undefined ? '' : (await tree.read(file, 1024 * 1024)).toString('utf8');
  let cause: unknown;
  try {
    const value = parseYaml(text);
    if (isTable(value)) return value;
  } catch (error) {
    cause = error;
  }
  throw new GalleyError('REQUIREMENTS_INVALID', `${path} is not a conda environment.`, {
    hint: 'It has a key dependencies with a list: dependencies: [python=3.11, pandas=2.2]',
    details: { from: path },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** conda's specification: `channel::name=version=build`, `name>=1,<2`, `name 1.2.*`, `name=1.2`. */
function readSpec(text: string, path: string, leftOut: string[]): Declared {
  const from = `${path}, ${text}`;
  const plain = text
    .replace(/^[^\s=<>!]+::/, '')
    .replace(/\s*#.*$/, '')
    .trim();
  const [, name = '', rest = ''] = /^([A-Za-z0-9_][A-Za-z0-9._-]*)\s*(.*)$/.exec(plain) ?? [];
  const versions = condaVersions(rest.trim(), from);
  if (name.toLowerCase() === 'python') return { ...nothingDeclared, ...pythonOf(versions, path) };
  const known = condaName(name);
  switch (known.kind) {
    case 'included':
      leftOut.push(name);
      return nothingDeclared;
    case 'distribution':
      return { ...nothingDeclared, requirements: [parseRequirement(`${known.name}${versions}`, from)] };
    case 'refused':
      throw unknownPackage(name, path, known.why);
    case 'unknown':
      throw unknownPackage(name, path, 'it is not known to be the same software in the Python index');
  }
}

function unknownPackage(name: string, path: string, why: string): GalleyError {
  return new GalleyError('CONDA_PACKAGE_UNKNOWN', `${path} asks conda for ${name}: ${why}.`, {
    hint: `If the Python index has it, move it to the list under pip: in ${path}; a library or program of Debian goes into apt.txt.`,
    details: { package: name, from: path },
  });
}

/**
 * Versions in conda's words as PEP 440's: `=1.2` means any 1.2.x, `==1.2` and `=1.2=build` exactly that, `1.2.*` and ranges as they are.
 * Alternatives (`|`) have no counterpart.
 */
export function condaVersions(text: string, from: string): string {
  if (text === '' || text === '*') return '';
  if (text.includes('|')) {
    throw new GalleyError(
      'REQUIREMENTS_INVALID',
      `${from} has alternatives, which cannot be put to the resolver.`,
      {
        hint: 'Write one range of versions: >=1.2,<2',
        details: { from },
      },
    );
  }
  const fuzzy = /^=\s*([^=<>!~,\s]+)(?:=\s*\S+|\s+\S+)?$/.exec(text);
  if (fuzzy !== null) {
    const isExact = /^=\s*[^=\s]+(?:=|\s+)\S/.test(text) || (fuzzy[1] ?? '').endsWith('*');
    return isExact ? `==${fuzzy[1]}` : `==${fuzzy[1]}.*`;
  }
  const exact = /^(?:==\s*)?([0-9][^=<>!~,\s]*)(?:[=\s]\s*\S+)?$/.exec(text);
  if (exact !== null) return `==${exact[1]}`;
  return text
    .split(',')
    .map((clause) => clause.trim().replace(/\s+/g, ''))
    .map((clause) => (/^[0-9]/.test(clause) ? `==${clause}` : clause))
    .join(',');
}

function pythonOf(versions: string, path: string): { python?: PythonSaid } {
  if (versions === '') return {};
  const [, version] = /^==(\d+\.\d+)(?:\.[\d*]+)*$/.exec(versions) ?? [];
  return { python: version === undefined ? { range: versions, from: path } : { version, from: path } };
}
