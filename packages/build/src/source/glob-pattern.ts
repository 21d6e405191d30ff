/** One piece of a pattern, as it consumes a path. */
type Token =
  | { readonly kind: 'character'; readonly accepts: (character: string) => boolean }
  /** `*`: any run without `/`. `**`: any run. `**` with a `/`: any run that ends in `/`, or nothing. */
  | { readonly kind: 'run'; readonly crosses: boolean; readonly endsInSlash: boolean };

/** Whether a path matches, in a time that a hostile pattern cannot make long (a regular expression of many `**` can take for ever). */
export type GlobPattern = (path: string) => boolean;

/** Where a match stands: before token `at`; `inside` a part of the path that a `**` with `/` has begun and must end before it is left. */
interface State {
  readonly at: number;
  readonly inside: boolean;
}

/** Go's filepath.Match with Docker's `**`; a class that never ends is taken for the character itself. Pure. */
export function globPattern(pattern: string): GlobPattern {
  const tokens = parse(pattern);
  return (path) => {
    let states = closure(tokens, [{ at: 0, inside: false }]);
    for (const character of path) {
      states = closure(
        tokens,
        states.flatMap((state) => step(tokens, state, character)),
      );
      if (states.length === 0) return false;
    }
    return states.some(({ at }) => at === tokens.length);
  };
}

function step(tokens: readonly Token[], { at }: State, character: string): readonly State[] {
  const token = tokens[at];
  if (token === undefined) return [];
  if (token.kind === 'character') return token.accepts(character) ? [{ at: at + 1, inside: false }] : [];
  if (!token.crosses && character === '/') return [];
  return [{ at, inside: token.endsInSlash && character !== '/' }];
}

/** A run may be empty: where one begins, what follows it may begin as well. Each state once. */
function closure(tokens: readonly Token[], states: readonly State[]): readonly State[] {
  const all = new Map<string, State>();
  for (const state of states) {
    all.set(`${state.at} ${state.inside}`, state);
    if (state.inside) continue;
    for (let { at } = state; tokens[at]?.kind === 'run';) {
      at += 1;
      all.set(`${at} false`, { at, inside: false });
    }
  }
  return [...all.values()];
}

function parse(pattern: string): readonly Token[] {
  const parts = pattern.match(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|\\.|[\s\S]/g) ?? [];
  return parts.map((part): Token => {
    if (part === '**/') return { kind: 'run', crosses: true, endsInSlash: true };
    if (part === '**') return { kind: 'run', crosses: true, endsInSlash: false };
    if (part === '*') return { kind: 'run', crosses: false, endsInSlash: false };
    if (part === '?') return { kind: 'character', accepts: (character) => character !== '/' };
    if (part.length > 2 && part.startsWith('['))
      return { kind: 'character', accepts: characterClass(part.slice(1, -1)) };
    const literal = part.length === 2 && part.startsWith('\\') ? part.slice(1) : part;
    return { kind: 'character', accepts: (character) => character === literal };
  });
}

/** `a-z_`, `^a-z`, `!a-z`. */
function characterClass(text: string): (character: string) => boolean {
  const negated = /^[!^]/.test(text);
  const plain = negated ? text.slice(1) : text;
  const ranges = [...plain.matchAll(/(\\?[\s\S])-(\\?[\s\S])|\\?([\s\S])/g)].map(
    ([, from, to, single]): readonly [string, string] => {
      const [low, high] = [from ?? single ?? '', to ?? single ?? ''];
      return [low.replace(/^\\(?=.)/s, ''), high.replace(/^\\(?=.)/s, '')];
    },
  );
  return (character) =>
    character !== '/' && ranges.some(([low, high]) => character >= low && character <= high) !== negated;
}
