import { GalleyError } from '@galley/api/error/galley-error';
import type { Input } from '../command/command.ts';

/** By the option's name: as it is typed, and the views that it has a meaning for; '' is the verdict. */
const views: Readonly<Record<string, { readonly flag: string; readonly of: readonly string[] }>> = {
  watch: { flag: '--watch', of: ['', 'paths'] },
  from: { flag: '--from', of: ['', 'paths'] },
  to: { flag: '--to', of: ['', 'paths'] },
  save: { flag: '--save', of: ['replay'] },
  file: { flag: '--file', of: ['replay'] },
  falseAlarmsPerYear: { flag: '--false-alarms-per-year', of: ['replay'] },
  tolerance: { flag: '--tolerance', of: ['replay'] },
  requestsAlike: { flag: '--requests-alike', of: ['replay'] },
  since: { flag: '--since', of: ['accept'] },
  reason: { flag: '--reason', of: ['ack', 'accept'] },
  by: { flag: '--by', of: ['ack', 'accept'] },
};

/** Who types `--reason` and forgets `ack` must not believe that an alarm was answered. Throws `USAGE` for a flag of another view. */
export function refuseOtherViewsFlags({ options }: Input, name: string, view: string | undefined): void {
  for (const [option, { flag, of }] of Object.entries(views)) {
    if (options[option] === undefined || of.includes(view ?? '')) continue;
    const typed = (words: string): string => ['galley monitor', name, words].join(' ').trimEnd();
    throw new GalleyError('USAGE', `${flag} has no meaning for ${typed(view ?? '')}.`, {
      hint: of.map((other) => typed(`${other} ${flag}`.trimStart())).join(', or '),
    });
  }
}
