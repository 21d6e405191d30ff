import { GalleyError } from '@galley/api/error/galley-error';
import { redactUrl } from '../source/git/address.ts';
import type { SourceTree } from '../source/source-tree.ts';
import { mergeDeclared, nothingDeclared, type Declared } from './declared.ts';
import { readRequirementsTxt } from './file/requirements-txt.ts';
import type { Read } from './read-code.ts';
import { parseRequirement, parseRequirementsCell } from './requirement.ts';

/** What the cells of the notebooks ask for: `requirements = …` and `%pip install`. Throws `REQUIREMENTS_INVALID`. */
export async function readNotebookRequirements(tree: SourceTree, cells: readonly Read[]): Promise<Declared> {
  const all: Declared[] = [];
  for (const { from, source } of cells) {
    if (source.requirementsError !== undefined) {
      throw new GalleyError(
        'REQUIREMENTS_INVALID',
        `${from} binds requirements to something that only running it would tell.`,
        {
          hint: 'Write it out: requirements = [["pandas", "2.3.3"]]',
          details: { from, why: source.requirementsError },
        },
      );
    }
    if (source.bound === true)
      all.push({ ...nothingDeclared, requirements: parseRequirementsCell(source.requirements, from) });
    for (const install of source.installs) all.push(await readInstall(install, from, tree));
  }
  return mergeDeclared(all);
}

const idle =
  /^(?:-[qUv]+|--(?:quiet|upgrade|user|no-cache-dir|disable-pip-version-check|force-reinstall|root-user-action=ignore|progress-bar=off))$/;
const indexFlags = /^(-i|--index-url|--extra-index-url|-f|--find-links)(?:=(.+))?$/;

/** The arguments of a `%pip install` line. */
async function readInstall(args: string, from: string, tree: SourceTree): Promise<Declared> {
  const words = (args.replace(/(^|\s)#.*$/, '').match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) =>
    // Quotes within the others are of a marker.
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
  const all: Declared[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const next = (): string => words[(index += 1)] ?? '';
    const flag = indexFlags.exec(word);
    if (word === '-r' || word === '--requirement')
      all.push(await readRequirementsTxt(tree, next().replace(/^\.\//, '')));
    else if (word === '-e' || word === '--editable')
      all.push({ ...nothingDeclared, requirements: [parseRequirement(`-e ${next()}`, from)] });
    else if (flag !== null) {
      const kind = flag[1] === '-f' || flag[1] === '--find-links' ? 'links' : 'index';
      all.push({ ...nothingDeclared, indexes: [{ url: redactUrl(flag[2] ?? next()), kind, from }] });
    } else if (word === '--pre') all.push({ ...nothingDeclared, prerelease: true });
    else if (word.startsWith('-') && !idle.test(word)) throw notLockable(from, word);
    else if (!word.startsWith('-'))
      all.push({ ...nothingDeclared, requirements: [parseRequirement(word, from)] });
  }
  return mergeDeclared(all);
}

function notLockable(from: string, option: string): GalleyError {
  return new GalleyError('REQUIREMENTS_INVALID', `${from} installs with ${option}, which cannot be locked.`, {
    hint: 'Give names and versions only: %pip install pandas==2.3.3',
    details: { from, option },
  });
}
