/** Fields of a paragraph: names in lower case, values in order. */
export type Headers = ReadonlyMap<string, readonly string[]>;

/**
 * One paragraph of `Name: value` lines, as METADATA, WHEEL and Debian's control files have it. A line that begins with a blank goes on from the last
 * one; an empty line ends it: what follows in METADATA is a description.
 */
export function parseHeaders(text: string): Headers {
  const headers = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (line === '') break;
    const match = /^([\w-]+):[ \t]*(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      const name = match[1].toLowerCase();
      last = headers.get(name) ?? [];
      last.push(match[2].trim());
      headers.set(name, last);
    } else if (last !== undefined && /^[ \t]/.test(line)) {
      last[last.length - 1] += `\n${line.trim()}`;
    }
  }
  return headers;
}

/** PEP 503: how names of packages are compared. */
export function normalName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
