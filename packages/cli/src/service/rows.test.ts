import { describe, expect, it } from 'vitest';
import { rowsOfFile, rowsOfText } from './rows.ts';

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

describe('rows that a person hands over', () => {
  it('are one row or a list, of objects or of anything else', () => {
    expect(rowsOfText('{"x": 1}').body).toBe('{"dataframe_records":[{"x": 1}]}');
    expect(rowsOfText('[{"x": 1}, {"x": 2}]').body).toBe('{"dataframe_records":[{"x": 1}, {"x": 2}]}');
    expect(rowsOfText('[[1, 2]]').body).toBe('{"instances":[[1, 2]]}');
  });

  it('keep numbers that JavaScript would round', () => {
    expect(rowsOfText('{"id": 12345678901234567890}').body).toContain('12345678901234567890');
  });

  it('may be JSON Lines, of which the broken line is named', () => {
    expect(rowsOfFile('a.jsonl', bytes('{"x":1}\r\n\n{"x":2}\n')).body).toBe(
      '{"dataframe_records":[{"x":1},{"x":2}]}',
    );
    expect(() => rowsOfFile('a.jsonl', bytes('{"x":1}\n\n{"x":NaN}\n'))).toThrow(
      /Line 3 of a\.jsonl is no JSON/,
    );
    expect(() => rowsOfFile('a.jsonl', bytes('{"x":1}, {"x":2}'))).toThrow(/Line 1/);
  });

  it('are never repaired: a file that is not UTF-8 is refused, CSV goes to the service byte for byte', () => {
    const broken = new Uint8Array([0x7b, 0xff, 0x7d]);
    expect(() => rowsOfFile('a.json', broken)).toThrow(/a\.json is not UTF-8/);
    expect(rowsOfFile('a.CSV', broken)).toEqual({ body: broken, contentType: 'text/csv' });
  });
});
