import { PassThrough } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { expect, test } from 'vitest';
import { readHidden, type Terminal } from './standard-input.ts';

/** A terminal at which somebody types, or pastes, all of this at once. */
function typing(text: string): Terminal & { shown: string } {
  const keys = new PassThrough();
  // What readline asks of a terminal; everything else of it is of no interest here.
  const stdin = Object.assign(keys, { isTTY: true, setRawMode: () => keys }) as unknown as ReadStream;
  const terminal = {
    stdin,
    shown: '',
    write: (piece: string) => {
      terminal.shown += piece;
      if (piece.endsWith(': ')) setImmediate(() => keys.write(text));
    },
    interrupt: () => undefined,
  };
  return terminal;
}

test('one line is the value, and is not shown', async () => {
  const terminal = typing('tok-1\r');
  expect((await readHidden(terminal, 'Value: ')).toString()).toBe('tok-1');
  expect(terminal.shown).toBe('Value: \n');
});

test('several lines that are pasted are refused: the first would be taken for all', async () => {
  const value = readHidden(typing('-----BEGIN PRIVATE KEY-----\rabc'), 'Value: ');
  await expect(value).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--file') });
});
