import { describe, type Rule } from './rule.ts';
import { treeOf } from './tree.ts';

/** What a rule finds in a made-up tree, as `path:line: message`, for the tests of rules. */
export function found(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  return rule.check(treeOf(files)).map(describe);
}
