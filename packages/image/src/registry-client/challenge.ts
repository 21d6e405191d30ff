/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Longer headers are not read: nobody sends them, and patterns must not be fed without end. */
const headerMax = 8192;

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameterPattern = new RegExp(
  `\\s*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))\\s*,?`,
  'y',
);
const schemePattern = new RegExp(`[\\s,]*(${token})(?:\\s+|$|(?=,))`, 'y');

/** The challenges of a header in their order; what cannot be read ends the list. Never throws. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  if (header === undefined || header.length > headerMax) return [];
  const challenges: Challenge[] = [];
  let position = 0;
  while (position < header.length) {
    schemePattern.lastIndex = position;
    const scheme = schemePattern.exec(header)?.[1];
    if (scheme === undefined) break;
    position = schemePattern.lastIndex;
    const parameters: Record<string, string> = Object.create(null);
    for (;;) {
      parameterPattern.lastIndex = position;
      const match = parameterPattern.exec(header);
      if (match === null) break;
      position = parameterPattern.lastIndex;
      const name = match[1]?.toLowerCase() ?? '';
      parameters[name] ??= match[2]?.replaceAll(/\\(.)/g, '$1') ?? match[3] ?? '';
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
