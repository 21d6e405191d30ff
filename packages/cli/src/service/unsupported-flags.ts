import { GalleyError } from '@galley/api/error/galley-error';
import type { Input, Option } from '../command/command.ts';

/** Flags of another tool that ask for what is not here, with what to do instead. */
export type UnsupportedFlags = Readonly<
  Record<string, { readonly option: Option; readonly instead: string }>
>;

/** Refuses them by name, since a build without them would be another one. Throws `USAGE`. */
export function refuseFlags(input: Input, flags: UnsupportedFlags, tool: string): void {
  for (const [name, { option, instead }] of Object.entries(flags)) {
    if (input.options[name] === undefined) continue;
    const flag = /--[a-z-]+/.exec(option.flags)?.[0] ?? name;
    throw new GalleyError('USAGE', `${flag} of ${tool} is not supported here.`, {
      hint: instead,
      details: { flag },
    });
  }
}
