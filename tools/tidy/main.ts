import { resolve } from 'node:path';
import { describe } from './rule.ts';
import { rules } from './rules.ts';
import { repositoryTree } from './tree.ts';

/** Prints what the rules find; with arguments, only findings whose path begins with one of them. */
const tree = repositoryTree(resolve(import.meta.dirname, '../..'));
const prefixes = process.argv.slice(2);

let found = 0;
for (const rule of rules) {
  const findings = rule
    .check(tree)
    .filter(({ path }) => prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix)));
  if (findings.length === 0) continue;
  found += findings.length;
  console.log(`${rule.name}:`);
  for (const finding of findings) console.log(`  ${describe(finding)}`);
}
console.log(found === 0 ? `tidy: ${rules.length} rules, nothing found` : `tidy: ${found} findings`);
process.exitCode = found === 0 ? 0 : 1;
