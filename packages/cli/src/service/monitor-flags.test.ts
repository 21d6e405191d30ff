import { expect, test } from 'vitest';
import { command } from '../command/monitor.ts';
import { refuseOtherViewsFlags } from './monitor-flags.ts';

const typed = (options: Readonly<Record<string, string | boolean>>) => ({ args: ['iris'], options });

test('a flag of another view is refused, with the views that it belongs to', () => {
  expect(() => refuseOtherViewsFlags(typed({ reason: 'the feed is back' }), 'iris', undefined)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: '--reason has no meaning for galley monitor iris.',
      hint: 'galley monitor iris ack --reason, or galley monitor iris accept --reason',
    }),
  );
  expect(() => refuseOtherViewsFlags(typed({ from: '2013-01-01T00:00:00Z' }), 'iris', 'replay')).toThrow(
    expect.objectContaining({
      message: '--from has no meaning for galley monitor iris replay.',
      hint: 'galley monitor iris --from, or galley monitor iris paths --from',
    }),
  );
});

test('every flag of the command has a view, and is taken there', () => {
  const names = (command.options ?? []).map(({ flags }) =>
    (/--([a-z-]+)/.exec(flags)?.[1] ?? '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  );
  const takenBy = (name: string) =>
    [undefined, 'paths', 'replay', 'ack', 'accept'].filter((view) => {
      try {
        refuseOtherViewsFlags(typed({ [name]: 'x' }), 'iris', view);
        return true;
      } catch {
        return false;
      }
    });
  // One that had none would be taken by all five.
  expect(names.map((name) => takenBy(name).length).filter((count) => count === 0 || count > 2)).toEqual([]);
});
