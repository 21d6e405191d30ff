import { posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { redactUrl } from '../../source/git/address.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import type { Declared, IndexUse } from '../declared.ts';
import { parseRequirement, type Requirement } from '../requirement.ts';

/** Where the machine is asked for what a repository may not decide (dependency confusion, secrets: builders.md §8.4). */
const indexOptions = /^(-i|--index-url|--extra-index-url|-f|--find-links)(?:\s+|=)?(\S+)$/;
const refusedOptions =
  /^(?:--no-index|--proxy|--cert|--client-cert|--config-settings|--global-option|--build-option|--install-option)\b/;
/** We take wheels where there are any and build what has none: these change nothing of that. */
const idleOptions =
  /^(?:--no-binary|--only-binary|--prefer-binary|--use-feature|--no-deps|--trusted-host|--no-build-isolation|--use-pep517|--no-cache-dir|--upgrade|-U|-q|--quiet|-v|--verbose)\b/;
const perRequirement = /\s--(?:hash|config-settings?|global-option|build-option|install-option)[=\s]\S+/g;

interface Found {
  readonly requirements: Requirement[];
  readonly constraints: Requirement[];
  readonly indexes: IndexUse[];
  readonly warnings: string[];
  readonly seen: Set<string>;
  prerelease: boolean;
  /** Where `--require-hashes` stands; empty: nowhere. */
  requireHashes: string;
}

/**
 * A requirements.txt of the source and the files that it includes with `-r` and `-c`. Any encoding that people's editors write
 * is read (UTF-8 with or without mark, UTF-16). Throws `REQUIREMENTS_INVALID` with file and line.
 */
export async function readRequirementsTxt(tree: SourceTree, path: string): Promise<Declared> {
  const file = tree.find(path);
  if (file === undefined) throw invalid(path, 'is not in the source');
  return parseRequirementsTxt(decode(await tree.read(file, 4 * 1024 * 1024)), path, tree);
}

/** The text of a requirements.txt that is called `path`: what tools print is in this form too. Throws as `readRequirementsTxt`. */
export async function parseRequirementsTxt(text: string, path: string, tree: SourceTree): Promise<Declared> {
  const found: Found = {
    requirements: [],
    constraints: [],
    indexes: [],
    warnings: [],
    seen: new Set([`requirements ${path}`]),
    prerelease: false,
    requireHashes: '',
  };
  await readInto(text, { tree, path, kind: 'requirements' }, found);
  const bare = found.requirements.find(({ hashes, direct }) => hashes.length === 0 && direct === undefined);
  if (bare !== undefined && found.requireHashes !== '')
    throw invalid(bare.from, `has no --hash, which ${found.requireHashes} demands`);
  return { ...found, running: [] };
}

interface Place {
  readonly tree: SourceTree;
  readonly path: string;
  readonly kind: 'requirements' | 'constraints';
}

async function readInto(text: string, place: Place, found: Found): Promise<void> {
  for (const { text: line, line: number } of logicalLines(text)) {
    const from = `${place.path} line ${number}`;
    const include = /^(-r|--requirement|-c|--constraint)(?:\s+|=)?(.+)$/.exec(line);
    if (include !== null) {
      await readIncluded(include[2] ?? '', include[1]?.includes('c') === true, { ...place, from }, found);
    } else if (!readOption(line, from, found)) {
      const hashes = [...line.matchAll(/\s--hash[=\s]sha256:([0-9a-f]{64})/g)].map((match) => match[1] ?? '');
      if (hashes.length === 0 && /\s--hash[=\s]/.test(line))
        throw invalid(from, 'demands a hash that is no sha256');
      const plain = line.replace(perRequirement, '');
      found[place.kind].push(parseRequirement(plain, from, hashes, posix.dirname(place.path)));
    }
  }
}

async function readIncluded(
  target: string,
  constrains: boolean,
  place: Place & { readonly from: string },
  found: Found,
): Promise<void> {
  const plain = target.trim().replace(/^["']|["']$/g, '');
  if (/^[a-z]+:\/\//.test(plain)) throw invalid(place.from, 'includes a file from elsewhere');
  const path = posix.normalize(posix.join(posix.dirname(place.path), plain));
  const kind = constrains ? 'constraints' : place.kind;
  if (found.seen.has(`${kind} ${path}`)) return;
  found.seen.add(`${kind} ${path}`);
  const file = place.tree.find(path);
  if (file === undefined) throw invalid(path, `is not in the source, and ${place.from} includes it`);
  await readInto(decode(await place.tree.read(file, 4 * 1024 * 1024)), { ...place, path, kind }, found);
}

/** False: the line is no option but a requirement. */
function readOption(line: string, from: string, found: Found): boolean {
  const index = indexOptions.exec(line);
  if (index !== null) {
    const kind = index[1] === '-f' || index[1] === '--find-links' ? 'links' : 'index';
    found.indexes.push({ url: redactUrl(index[2] ?? ''), kind, from });
  } else if (/^--pre\b/.test(line)) {
    found.prerelease = true;
  } else if (/^--require-hashes\b/.test(line)) {
    found.requireHashes = from;
  } else if (idleOptions.test(line)) {
    found.warnings.push(`${from}: ${line.split(/[\s=]/)[0]} changes nothing here`);
  } else if (refusedOptions.test(line)) {
    throw invalid(from, `sets ${line.split(/[\s=]/)[0]}, which a repository may not`);
  } else return false;
  return true;
}

/** pip's lines: `\` continues one, `#` after a blank or at the start begins a comment. */
function logicalLines(text: string): readonly { text: string; line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of `${text}\n`.split(/\r\n|\r|\n/).entries()) {
    const start = open ?? { text: '', line: index + 1 };
    const piece = raw.replace(/(?:^|\s)#.*$/, '');
    if (piece.endsWith('\\')) {
      open = { text: start.text + piece.slice(0, -1), line: start.line };
      continue;
    }
    open = undefined;
    const whole = (start.text + piece).trim();
    if (whole !== '') lines.push({ text: whole, line: start.line });
  }
  return lines;
}

function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder('utf-8').decode(bytes);
}

function invalid(from: string, what: string): GalleyError {
  return new GalleyError('REQUIREMENTS_INVALID', `${from} ${what}.`, {
    hint: 'Keep names and versions in the file; an index of your own is configured on the machine, as for pip.',
    details: { from },
  });
}
