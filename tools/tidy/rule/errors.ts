import { lineAt } from '../path.ts';
import type { Finding, Rule } from '../rule.ts';
import type { Tree } from '../tree.ts';

const page = 'docs/errors.md';
const serviceTable = 'runtime/src/galley_runtime/_errors.py';

interface Code {
  readonly room: string;
  readonly code: string;
  readonly path: string;
  readonly line: number;
}

/** Every error code has a section under its room's heading, and every section a code. */
export const errorsRule: Rule = {
  name: 'every error code has its section in docs/errors.md, and every section its code',
  check(tree) {
    const tables = [...tableCodes(tree), ...serviceCodes(tree)];
    const sections = sectionCodes(tree);
    const key = ({ room, code }: Code): string => `${room} ${code}`;
    const inTables = new Set(tables.map(key));
    const inSections = new Set(sections.map(key));
    const findings: Finding[] = [];
    for (const one of tables.filter((row) => !inSections.has(key(row)))) {
      findings.push({
        ...one,
        message: `${one.code} has no section; add "## ${one.code}" under "# ${one.room}" in ${page}`,
      });
    }
    for (const one of sections.filter((row) => !inTables.has(key(row)))) {
      findings.push({
        ...one,
        message: `${one.code} is no code of ${one.room}; remove the section, or add the code`,
      });
    }
    for (const one of sections.filter(
      (row, at) => sections.findIndex((other) => key(other) === key(row)) < at,
    )) {
      findings.push({ ...one, message: `${one.code} has two sections; keep one` });
    }
    return findings.map(({ path, line, message }) => ({ path, line, message }));
  },
};

function tableCodes(tree: Tree): Code[] {
  return tree.paths.flatMap((path) => {
    const room = /^packages\/api\/src\/error\/([a-z]+)-codes\.ts$/.exec(path)?.[1];
    return room === undefined ? [] : matches(tree, path, room, /^ {2}([A-Z][A-Z0-9_]+): \{/gm);
  });
}

/** The keys of Python's table, each with its HTTP status. */
function serviceCodes(tree: Tree): Code[] {
  if (!tree.paths.includes(serviceTable)) return [];
  return matches(tree, serviceTable, 'service', /^\s+["']([A-Z][A-Z0-9_]+)["']:\s*\d{3}\b/gm);
}

function sectionCodes(tree: Tree): Code[] {
  if (!tree.paths.includes(page)) return [];
  let room = '';
  return tree
    .read(page)
    .split('\n')
    .flatMap((text, index) => {
      room = /^# (\w+)$/.exec(text)?.[1] ?? room;
      const code = /^## (\S+)$/.exec(text)?.[1];
      return code === undefined ? [] : [{ room, code, path: page, line: index + 1 }];
    });
}

function matches(tree: Tree, path: string, room: string, pattern: RegExp): Code[] {
  const text = tree.read(path);
  return [...text.matchAll(pattern)].map((match) => ({
    room,
    code: match[1] ?? '',
    path,
    line: lineAt(text, match.index),
  }));
}
