import { textOption, listOption } from '../program.ts';
import type { Context, Input, Option } from '../command/command.ts';
import { describeSource, type SourceArgument } from './source-argument.ts';

/** The flags of every command that takes a repository. */
export const sourceFlags: readonly Option[] = [
  { flags: '--name <NAME>', description: "the application's name: a DNS label" },
  { flags: '--ref <REF>', description: 'a branch, tag, commit, or pull request (pull/7) of the repository' },
  { flags: '--subdir <PATH>', description: 'the folder of the repository that holds the notebook' },
  { flags: '--no-submodules', description: 'leave submodules empty' },
  { flags: '--include <GLOB>', description: 'take files that .gitignore keeps back', repeatable: true },
];

/** The repository that was typed. Throws `USAGE`, `INVALID_NAME`, `SOURCE_REFUSED`. */
export function readSource(input: Input, context: Context): Promise<SourceArgument> {
  return describeSource(input.args[0] ?? '.', {
    cwd: context.cwd,
    include: listOption(input, 'include'),
    name: textOption(input, 'name'),
    subdir: textOption(input, 'subdir'),
    ref: textOption(input, 'ref'),
    submodules: input.options['submodules'] !== false,
  });
}
