import type { SourceSpec } from '@galley/build/build';
import type { SourceArgument } from './source-argument.ts';

/** Without a server the person who builds is the one whose machine it is: own keys, git configuration and networks count. */
export function ownSource(argument: SourceArgument, secret: string | undefined): SourceSpec {
  const own = { own: true, ...((secret ?? '') === '' ? {} : { secret }) };
  switch (argument.kind) {
    case 'directory':
    case 'file':
      return argument;
    case 'git':
    case 'url':
      return { ...argument, ...own };
  }
}
