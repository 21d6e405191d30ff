import { normalName } from '@galley/image/wheel/metadata';
import { GalleyError } from '@galley/api/error/galley-error';
import { redactUrl } from '../source/git/address.ts';
import { parseDirect, type Direct } from './direct.ts';

/** One line for the resolver and where it came from. */
export interface Requirement {
  /** PEP 508 with name, version and markers only: `pandas==2.3.3`. Of a direct one the text as it stands in its file. */
  readonly line: string;
  /** Normalised (PEP 503). Empty: direct, and only its build tells. */
  readonly name: string;
  /** `flight-delay.ipynb cell 1`, `requirements.txt line 3`, `import sklearn`. */
  readonly from: string;
  /** sha256 that the file demands; empty: none. */
  readonly hashes: readonly string[];
  /** It comes from the repository itself, from a URL or from git, not from an index by its name. */
  readonly direct?: Direct;
}

const pattern =
  /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[A-Za-z0-9._,\s-]*\])?\s*(\(?(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)*\)?)\s*(;.*)?$/;

/**
 * Checks one requirement. `folder` is where a relative path in it begins, in the tree. Throws `REQUIREMENTS_INVALID` for what
 * cannot be locked.
 */
export function parseRequirement(
  text: string,
  from: string,
  hashes: readonly string[] = [],
  folder = '',
): Requirement {
  const line = text.trim();
  // The resolver reads lines: what follows a break would be an option to it, an index of the repository's own among them.
  const direct = /[\r\n]/.test(line) ? 'holds a line break' : parseDirect(line, folder);
  if (typeof direct === 'object') {
    const found = direct.source.kind === 'url' ? direct.source.sha256 : undefined;
    return {
      line,
      name: normalName(direct.name),
      from,
      hashes: found === undefined ? hashes : [...hashes, found],
      direct,
    };
  }
  const why = direct ?? (/\$\{/.test(line) ? 'holds an environment variable' : undefined);
  const name = pattern.exec(line)?.[1];
  if (why !== undefined || name === undefined) {
    throw new GalleyError(
      'REQUIREMENTS_INVALID',
      `${from} asks for ${JSON.stringify(redactUrl(line))}, which ${why ?? 'is not a name with versions'}.`,
      {
        hint: 'Give name and version of a package of the index: pandas==2.3.3.',
        details: { requirement: redactUrl(line), from },
      },
    );
  }
  return { line, name: normalName(name), from, hashes };
}

/** The version that a requirement fixes with `==` and nothing else; undefined when it does not. */
export function pinOf({ line, direct }: Pick<Requirement, 'line' | 'direct'>): string | undefined {
  if (direct !== undefined) return undefined;
  const [, , , versions = ''] = pattern.exec(line) ?? [];
  return /^\(?\s*===?\s*([A-Za-z0-9.!+_-]+)\s*\)?$/.exec(versions.trim())?.[1];
}

/** The same requirement with other versions: `pandas[aws]==1.0; marker` → `pandas[aws]>=1.5; marker`. */
export function withVersions(requirement: Requirement, versions: string): Requirement {
  const [, name = requirement.name, extras = '', , marker = ''] = pattern.exec(requirement.line) ?? [];
  return {
    ...requirement,
    line: `${name}${extras}${versions}${marker === '' ? '' : ` ${marker}`}`,
    hashes: [],
  };
}

/**
 * The value of a notebook's `requirements`: a list of `[name, version]`, `[name]` or strings (builders.md §1.7). A version without
 * an operator is a pin. Throws `REQUIREMENTS_INVALID`.
 */
export function parseRequirementsCell(value: unknown, from: string): readonly Requirement[] {
  if (!Array.isArray(value)) throw notAList(from);
  return value.map((item: unknown) => {
    if (typeof item === 'string') return parseRequirement(item, from);
    if (!Array.isArray(item) || !item.every((part) => typeof part === 'string' || part === null))
      throw notAList(from);
    const [name, version] = item as readonly (string | null)[];
    if (typeof name !== 'string' || item.length > 2) throw notAList(from);
    const plain = version ?? '';
    return parseRequirement(
      plain === '' || /^[=<>!~]/.test(plain) ? `${name}${plain}` : `${name}==${plain}`,
      from,
    );
  });
}

function notAList(from: string): GalleyError {
  return new GalleyError(
    'REQUIREMENTS_INVALID',
    `${from} binds requirements, but not to a list of names and versions.`,
    {
      hint: 'Write it as plain text that can be read without running it: requirements = [["pandas", "2.3.3"], ["numpy", ""]]',
      details: { from },
    },
  );
}
