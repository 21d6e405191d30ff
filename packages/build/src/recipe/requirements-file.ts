import { posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { parseRequirement, type Requirement } from './requirement.ts';

export interface RequirementsFile {
  readonly requirements: readonly Requirement[];
  /** From `-c`: they restrict versions and bring nothing in. */
  readonly constraints: readonly Requirement[];
  readonly prerelease: boolean;
}

/** Options that change where packages come from belong to the machine's configuration: dependency confusion (builders.md §8.4). */
const refusedOptions =
  /^(?:-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--trusted-host|--proxy|--cert|--client-cert|--config-settings|--global-option)\b/;
const ignoredOptions =
  /^(?:--no-binary|--only-binary|--prefer-binary|--require-hashes|--use-feature|--no-deps)\b/;

/**
 * A requirements.txt of the source and the files that it includes with `-r` and `-c`. Any encoding that people's editors write
 * is read (UTF-8 with or without mark, UTF-16). Throws `REQUIREMENTS_INVALID` with file and line.
 */
export async function readRequirementsFile(tree: SourceTree, path: string): Promise<RequirementsFile> {
  const found = { requirements: [] as Requirement[], constraints: [] as Requirement[], prerelease: false };
  await readInto(tree, path, found, 'requirements', new Set());
  return found;
}

async function readInto(
  tree: SourceTree,
  path: string,
  found: { requirements: Requirement[]; constraints: Requirement[]; prerelease: boolean },
  kind: 'requirements' | 'constraints',
  seen: Set<string>,
): Promise<void> {
  const file = tree.find(path);
  if (file === undefined) throw invalid(path, 'is not in the source');
  if (seen.has(`${kind} ${path}`)) return;
  seen.add(`${kind} ${path}`);
  for (const { text, line } of logicalLines(decode(await tree.read(file, 1024 * 1024)))) {
    const from = `${path} line ${line}`;
    const include = /^(-r|--requirement|-c|--constraint)(?:\s+|=)?(.+)$/.exec(text);
    if (include !== null) {
      const inner = posix.normalize(posix.join(posix.dirname(path), include[2]?.trim() ?? ''));
      const innerKind =
        include[1]?.startsWith('-r') === true || include[1] === '--requirement' ? kind : 'constraints';
      await readInto(tree, inner, found, innerKind, seen);
    } else if (/^--pre\b/.test(text)) {
      found.prerelease = true;
    } else if (refusedOptions.test(text)) {
      throw invalid(from, `sets ${text.split(/[\s=]/)[0]}, which a repository may not`);
    } else if (!ignoredOptions.test(text)) {
      const hashes = [...text.matchAll(/\s--hash[=\s]sha256:([0-9a-f]{64})/g)].map((match) => match[1] ?? '');
      found[kind].push(parseRequirement(text.replace(/\s--hash[=\s]\S+/g, ''), from, hashes));
    }
  }
}

/** pip's lines: `\` continues one, `#` after a blank or at the start begins a comment. */
function logicalLines(text: string): readonly { text: string; line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let open: { text: string; line: number } | undefined;
  text.split(/\r\n|\r|\n/).forEach((raw, index) => {
    const start = open ?? { text: '', line: index + 1 };
    const piece = raw.replace(/(?:^|\s)#.*$/, '');
    if (piece.endsWith('\\')) {
      open = { text: start.text + piece.slice(0, -1), line: start.line };
      return;
    }
    open = undefined;
    const whole = (start.text + piece).trim();
    if (whole !== '') lines.push({ text: whole, line: start.line });
  });
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
