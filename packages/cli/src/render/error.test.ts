import { GalleyError } from '@galley/api/error/galley-error';
import { expect, test } from 'vitest';
import { colorsFor } from './colors.ts';
import { exitCodeOf, readRenderedError, renderError } from './error.ts';

const plain = colorsFor({ isTTY: false }, {});

test('an error that was rendered into a log is read again, with its code, sentence and hint', () => {
  const first = new GalleyError('HOME_INVALID', 'The folder /x cannot be used.', {
    hint: 'export GALLEY_HOME=/y',
  });
  const last = new GalleyError('PORT_IN_USE', 'The API cannot listen on 127.0.0.1:7443: the port is taken.', {
    hint: 'ss -ltnp shows by whom',
    cause: new Error('listen EADDRINUSE'),
  });
  const log = `${renderError(first, plain)}\nsomething else\n${renderError(last, plain)}\n`;
  const read = readRenderedError(log);
  expect(read).toMatchObject({ code: last.code, message: last.message, hint: last.hint });
  expect(exitCodeOf(read)).toBe(exitCodeOf(last));
});

test('a log without one, and a fault of ours, are no error to read', () => {
  expect(readRenderedError('the server runs\nError of mine: no\n')).toBeUndefined();
  expect(readRenderedError(renderError(new TypeError('x is undefined'), plain))).toBeUndefined();
});
