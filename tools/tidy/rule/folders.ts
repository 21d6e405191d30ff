import { folderOf, isCode, isFixture } from '../path.ts';
import type { Rule } from '../rule.ts';

const banned = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'types', 'lib', 'shared']);
const explained = /^(packages\/[^/]+\/src|runtime\/src\/[^/]+|tools|bench)(\/|$)/;

/** Folders and files are called after what is in them, and each folder of sources says so in its README.md. */
export const foldersRule: Rule = {
  name: 'folders are named after a concept and say what lives in them',
  check(tree) {
    const paths = new Set(tree.paths);
    const code = tree.paths.filter(isCode);
    const named = tree.paths
      .filter((path) => !isFixture(path))
      .flatMap((path) => {
        const word = path.split('/').find((part) => banned.has(part.replace(/(\.test)?\.\w+$/, '')));
        return word === undefined
          ? []
          : [{ path, line: 1, message: `"${word}" names no concept; call it after what it holds` }];
      });
    const unexplained = [...new Set(code.map(folderOf))]
      .filter((folder) => explained.test(folder) && !paths.has(`${folder}/README.md`))
      // A Python package says it where Python programmers look.
      .filter(
        (folder) =>
          !paths.has(`${folder}/__init__.py`) || !tree.read(`${folder}/__init__.py`).startsWith('"""'),
      )
      .map((folder) => ({
        path: `${folder}/README.md`,
        line: 1,
        message: 'is missing; write a paragraph that says what lives in this folder',
      }));
    return [...named, ...unexplained];
  },
};
