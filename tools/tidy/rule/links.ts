import { posix } from 'node:path';
import { isFixture, lineAt } from '../path.ts';
import type { Rule } from '../rule.ts';
import type { Tree } from '../tree.ts';

/** A link in a page leads to a file, a folder or a heading that is there. Links to the web are not followed. */
export const linksRule: Rule = {
  name: 'links in pages lead somewhere',
  check(tree) {
    const targets = new Set(tree.paths.flatMap((path) => [path, ...foldersOf(path)]));
    return tree.paths
      .filter((path) => path.endsWith('.md') && !isFixture(path))
      .flatMap((path) => {
        const text = withoutCode(tree.read(path));
        return [...text.matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)].flatMap((match) => {
          const link = match[1] ?? '';
          if (/^[a-z]+:/.test(link)) return [];
          const [file = '', heading] = link.split('#');
          const target =
            file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file)).replace(/\/$/, '');
          const line = lineAt(text, match.index);
          if (!targets.has(target))
            return [{ path, line, message: `${link} leads nowhere; mend or remove the link` }];
          if (heading === undefined || !target.endsWith('.md') || headings(tree, target).has(heading))
            return [];
          return [{ path, line, message: `${target} has no heading #${heading}; mend or remove the link` }];
        });
      });
  },
};

function foldersOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

function headings(tree: Tree, path: string): Set<string> {
  return new Set(
    [...tree.read(path).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

/** The same text with code blanked out, its lines kept: what looks like a link in code is none. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, ' '));
}
