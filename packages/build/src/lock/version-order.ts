/** A release that a resolver would take unasked: no alpha, beta, candidate or development version. */
export function isFinal(version: string): boolean {
  return !/(?:a|b|rc|alpha|beta|dev|pre|c)\d*(?:$|[.+])/i.test(version.replace(/\.?post\d+/i, ''));
}

/** Orders versions by their numbers; enough to say which is newest, the resolver decides the rest. */
export function compareVersions(left: string, right: string): number {
  const numbers = (version: string): readonly number[] => (version.match(/\d+/g) ?? []).map(Number);
  const a = numbers(left);
  const b = numbers(right);
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const order = (a[index] ?? 0) - (b[index] ?? 0);
    if (order !== 0) return order;
  }
  return Number(isFinal(left)) - Number(isFinal(right));
}
