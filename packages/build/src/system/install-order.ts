/** What of a package's control paragraph decides when it is set up. */
interface Needs {
  readonly name: string;
  readonly needs: readonly string[];
}

/**
 * The names in an order in which what a package depends on comes before it, as dpkg configures (policy 6.8); where packages need each
 * other, by name. `controls`: control paragraphs by name. Pure.
 */
export function installOrder(controls: ReadonlyMap<string, string>): readonly string[] {
  const providers = new Map<string, string>();
  for (const [name, control] of controls) {
    for (const provided of relationOf(control, 'Provides'))
      if (!providers.has(provided)) providers.set(provided, name);
    providers.set(name, name);
  }
  const waiting = new Map(
    [...controls].map(([name, control]): [string, Needs] => {
      const needed = [...relationOf(control, 'Pre-Depends'), ...relationOf(control, 'Depends')];
      return [name, { name, needs: needed.flatMap((need) => providers.get(need) ?? []) }];
    }),
  );
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    waiting.get(name)?.needs.forEach(visit);
    order.push(name);
  };
  [...waiting.keys()].sort().forEach(visit);
  return order;
}

/** Names of a relation field; of alternatives all, since any of them may be the one that is there. */
function relationOf(control: string, field: string): readonly string[] {
  const value = new RegExp(`^${field}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(control)?.[1] ?? '';
  return value
    .split(/[,|]/)
    .map((part) => /^\s*([a-z0-9][a-z0-9.+-]*)/.exec(part)?.[1] ?? '')
    .filter((name) => name !== '');
}
