import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { searchSecrets } from './secret-search.ts';

function look(
  secrets: Record<string, string | Uint8Array>,
  chunks: readonly Uint8Array[],
): string | undefined {
  const seeker = searchSecrets(secrets).begin();
  for (const chunk of chunks) seeker.see(chunk);
  return seeker.found;
}

test('a value is found wherever it lies and however the content is cut', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 9, maxLength: 40 }),
      fc.uint8Array({ maxLength: 50 }),
      fc.uint8Array({ maxLength: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      (secret, before, after, size, encode) => {
        const shown = encode ? Buffer.from(Buffer.from(secret).toString('base64')) : secret;
        const whole = Buffer.concat([before, shown, after]);
        const chunks: Buffer[] = [];
        for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
        expect(look({ key: secret }, chunks)).toBe('key');
      },
    ),
  );
});

test('it is found within something that was encoded as a whole, and as an address spells it', () => {
  for (const before of ['', 'u', 'us', 'user:']) {
    const header = Buffer.from(`${before}p@ss w0rd-9${before}`).toString('base64');
    expect(look({ key: 'p@ss w0rd-9' }, [Buffer.from(`Basic ${header}`)])).toBe('key');
  }
  expect(look({ key: 'p@ss w0rd-9' }, [Buffer.from('postgres://u:p%40ss%20w0rd-9@db/x')])).toBe('key');
});

test('it is named, and short values and others are not found', () => {
  const content = [Buffer.from('a token-12345 and more')];
  expect(look({ other: 'something', token: ' token-12345\n' }, content)).toBe('token');
  expect(look({ short: 'token' }, content)).toBeUndefined();
  expect(look({}, content)).toBeUndefined();
  expect(look({ absent: 'token-12346' }, content)).toBeUndefined();
});
