/**
 * Why a test is skipped, as its name says: what stands in parentheses at the end of it or of a suite around it, as in `… (skipped without
 * skopeo)`. Vitest's `skipIf` takes no reason, and `context.skip`, which does, comes too late for a suite whose `beforeAll` needs what is missing.
 */
export function statedReason(fullName: string): string | undefined {
  return fullName
    .split(' > ')
    .flatMap((name) => /\(([^()]+)\)$/.exec(name)?.[1] ?? [])
    .at(-1);
}
