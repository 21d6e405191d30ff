import { GalleyError } from '@galley/api/error/galley-error';

/** One line for the resolver and where it came from. */
export interface Requirement {
  /** PEP 508 with name, version and markers only: `pandas==2.3.3`. */
  readonly line: string;
  /** Normalised (PEP 503). */
  readonly name: string;
  /** `flight-delay.ipynb cell 1`, `requirements.txt line 3`, `import sklearn`. */
  readonly from: string;
  /** sha256 that the file demands with `--hash`; empty: none. */
  readonly hashes: readonly string[];
}

const pattern =
  /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[A-Za-z0-9._,\s-]*\])?\s*(\(?(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+\s*,?\s*)*\)?)\s*(;.*)?$/;

/** PEP 503: lower case, runs of `-_.` are one `-`. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Checks one requirement. Throws `REQUIREMENTS_INVALID` for what cannot be locked by name and hash. */
export function parseRequirement(text: string, from: string, hashes: readonly string[] = []): Requirement {
  const line = text.trim();
  const why = refusal(line);
  const name = pattern.exec(line)?.[1];
  if (why !== undefined || name === undefined) {
    throw new GalleyError(
      'REQUIREMENTS_INVALID',
      `${from} asks for ${JSON.stringify(line)}, which ${why ?? 'is not a name with versions'}.`,
      {
        hint: 'Give name and version of a package of the index: pandas==2.3.3.',
        details: { requirement: line, from },
      },
    );
  }
  return { line, name: normalizeName(name), from, hashes };
}

function refusal(line: string): string | undefined {
  if (/^(?:-e\b|--editable)/.test(line)) return 'is an editable install';
  if (/(?:^|@\s*)(?:git|hg|svn|bzr)\+/.test(line)) return 'comes from a version control system';
  if (/(?:^|@\s*)(?:https?|file|ftp):/.test(line)) return 'is a URL';
  if (/^(?:\.{0,2}\/|~)/.test(line) || /\.(?:whl|tar\.gz|zip)$/.test(line)) return 'is a local path';
  if (/\$\{/.test(line)) return 'holds an environment variable';
  return undefined;
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
