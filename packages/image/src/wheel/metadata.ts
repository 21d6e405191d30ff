/** The head of an e-mail-like file (METADATA, WHEEL): names in lower case, values in order. Continuation lines belong to their field. */
export function parseHeaders(text: string): ReadonlyMap<string, readonly string[]> {
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
      last[last.length - 1] += ` ${line.trim()}`;
    }
  }
  return headers;
}

/** PEP 503: how names of packages are compared. */
export function normalName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
