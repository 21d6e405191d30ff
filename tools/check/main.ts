import { resolve } from 'node:path';
import { checks } from './checks.ts';
import { describeCheck, runCheck } from './run-check.ts';

const root = resolve(import.meta.dirname, '../..');

let failed = 0;
for (const check of checks) {
  const result = await runCheck(check, root);
  console.log(describeCheck(result));
  if (!result.passed) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
