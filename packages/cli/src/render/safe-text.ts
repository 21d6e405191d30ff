/**
 * Text of others (a notebook's error, a log line, a column's name) without control characters, so that it can't move the
 * cursor, colour the terminal or hide a line. Line breaks and tabs stay.
 */
export function safeText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** The same on one line, where a line break would begin a line that looks like ours. */
export function safeLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' '));
}
