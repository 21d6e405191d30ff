import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../../source/source-tree.ts';

/** Debian's names: lower case, digits, `+`, `-`, `.` (policy 5.6.1), as repo2docker checks them. */
const pattern = /^[a-z0-9][a-z0-9.+-]+$/;

/** The packages of an apt.txt, one a line, `#` begins a comment; sorted, without doubles. Throws `REQUIREMENTS_INVALID` with the line. */
export async function readAptTxt(tree: SourceTree, path: string): Promise<readonly string[]> {
  const file = tree.find(path);
  if (file === undefined) return [];
  const names = new Set<string>();
  const text = (await tree.read(file, 256 * 1024)).toString('utf8').replace(/^\uFEFF/, '');
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') continue;
    if (!pattern.test(line)) {
      throw new GalleyError(
        'REQUIREMENTS_INVALID',
        `${path} line ${index + 1} holds ${JSON.stringify(line)}, which is no name of a Debian package.`,
        {
          hint: 'Write one name a line, without version: the suite of the base decides it.',
          details: { from: `${path} line ${index + 1}` },
        },
      );
    }
    names.add(line);
  }
  return [...names].sort();
}
