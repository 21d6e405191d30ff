import type { BuildOptions } from '@galley/build/build';
import type { Input, Option } from '../command/command.ts';
import { listOption, textOption } from '../program.ts';

/** The flags that say how packages are locked; `galley build` and `galley lock` have the same. */
export const lockFlags: readonly Option[] = [
  { flags: '--modernise', description: 'replace pins that have no wheel here, and say which' },
  {
    flags: '--as-of <DATE>',
    description: 'take packages as they were on that day; commit: when the commit was made',
  },
  {
    flags: '--allow-index <URL>',
    description: 'an index that files of the repository may name',
    repeatable: true,
  },
];

/** What the flags said. */
export function lockOptions(input: Input): Pick<BuildOptions, 'modernise' | 'asOf' | 'allowedIndexes'> {
  return {
    modernise: input.options['modernise'] === true ? true : undefined,
    asOf: textOption(input, 'asOf'),
    allowedIndexes: listOption(input, 'allowIndex'),
  };
}
