/**
 * Text of others (a notebook's error, a log line, a column's name) without control characters, so that it can't move the
 * cursor, colour the terminal or hide a line. Nor with marks of direction (Unicode TR 9), which show a line in another order than it is written
 * in ("Trojan Source"). Line breaks and tabs stay.
 */
export function safeText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => {
      const code = c.charCodeAt(0).toString(16);
      return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
    },
  );
}

/** The same on one line, where a line break would begin a line that looks like ours. */
export function safeLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' '));
}
