/** True: the path (relative to the root of the source) is left out. */
export type IgnoreTest = (path: string) => boolean;

/** What one character of a name must be; `star` stands for any number of any. */
type Token = 'star' | ((character: string) => boolean);

/**
 * `.s2iignore`: a line is a glob from the root of the source; `*` and `?` stop at `/`; what is below a matched folder goes with it; `!` lets in
 * again, later lines win (builders.md §1.3.3). Not .gitignore's language: `*.md` means those of the root, as for source-to-image.
 */
export function parseIgnoreFile(text: string): IgnoreTest {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ lets: line.startsWith('!'), parts: parseGlob(line.replace(/^!/, '')) }));
  return (path) => {
    const names = path.split('/');
    return rules.reduce((out, { lets, parts }) => (matchesAbove(parts, names) ? !lets : out), false);
  };
}

/** The glob's parts, a list of tokens each; undefined: it is malformed, and nothing is called so. */
function parseGlob(glob: string): readonly (readonly Token[])[] | undefined {
  const clean = glob.replace(/^\.?\/+/, '').replace(/\/+$/, '');
  const parts = clean.split('/').map(parsePart);
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

/** Go's path.Match: `*`, `?`, `[a-z]`, `[^a]`, `\x`. */
function parsePart(part: string): readonly Token[] | undefined {
  const characters = Array.from(part);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (tokens.at(-1) !== 'star') tokens.push('star');
    } else if (character === '?') {
      tokens.push(() => true);
    } else if (character === '[') {
      const found = parseClass(characters, at + 1);
      if (found === undefined) return undefined;
      tokens.push(found.token);
      at = found.end;
    } else {
      const literal = character === '\\' ? characters[++at] : character;
      if (literal === undefined) return undefined;
      tokens.push((other) => other === literal);
    }
  }
  return tokens;
}

/** `[^a-z…]` after its bracket; `end`: where the closing one is. */
function parseClass(
  characters: readonly string[],
  start: number,
): { readonly token: Token; readonly end: number } | undefined {
  const negated = characters[start] === '^';
  const ranges: [string, string][] = [];
  let at = negated ? start + 1 : start;
  const next = (): string | undefined => {
    if (characters[at] === '\\') at += 1;
    const character = characters[at];
    at += 1;
    return character;
  };
  while (at < characters.length && (characters[at] !== ']' || ranges.length === 0)) {
    const low = next();
    const isRange = characters[at] === '-' && characters[at + 1] !== ']';
    if (isRange) at += 1;
    const high = isRange ? next() : low;
    if (low === undefined || high === undefined) return undefined;
    ranges.push([low, high]);
  }
  if (at >= characters.length) return undefined;
  const isIn = (character: string): boolean =>
    ranges.some(([low, high]) => character >= low && character <= high);
  return { token: (character) => isIn(character) !== negated, end: at };
}

/** Whether the glob matches the path or a folder above it. */
function matchesAbove(parts: ReturnType<typeof parseGlob>, names: readonly string[]): boolean {
  if (parts === undefined || parts.length > names.length) return false;
  return parts.every((tokens, index) => matchesName(tokens, names[index] ?? ''));
}

/**
 * One name against one part, in time that grows with the product of their lengths: going back to the last star is enough. A regular expression would go back to
 * every one, which a repository could make last for ever.
 */
function matchesName(tokens: readonly Token[], name: string): boolean {
  const characters = Array.from(name);
  let [at, token] = [0, 0];
  let star: { readonly token: number; at: number } | undefined;
  while (at < characters.length) {
    const wanted = tokens[token];
    if (wanted === 'star') {
      star = { token, at };
      token += 1;
    } else if (wanted?.(characters[at] ?? '') === true) {
      token += 1;
      at += 1;
    } else if (star !== undefined) {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest === 'star');
}
