/** A paragraph of `Name: value` lines as Debian's control files and Python's METADATA write them, names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/**
 * Reads one paragraph. A line that begins with a blank goes on from the last; the first of several of one name counts. An empty line
 * ends it: what follows in METADATA is a description.
 */
export function readHeaders(text: string): Headers {
  const headers: Record<string, string> = Object.create(null);
  let last = '';
  for (const line of text.split(/\r?\n/)) {
    if (line === '') break;
    if (/^[ \t]/.test(line)) {
      if (last !== '') headers[last] += `\n${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    last = colon > 0 && headers[name] === undefined ? name : '';
    if (last !== '') headers[last] = line.slice(colon + 1).trim();
  }
  return headers;
}
