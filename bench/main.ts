import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineFacts } from './report/machine.ts';
import { markdownTable, withTable } from './report/table.ts';
import type { Bench, BenchRow } from './row.ts';

/**
 * `node bench/main.ts [name …]`: runs the benchmarks one after the other, all of them or those named, and prints a table. A whole
 * run without a failure also rewrites the table in bench/README.md.
 */
const notBenchmarks = new Set(['main.ts', 'row.ts']);
const names = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !notBenchmarks.has(file))
  .filter((file) => names.length === 0 || names.includes(file.slice(0, -3)))
  .toSorted();
const rows: BenchRow[] = [];
let failed = 0;
for (const file of files) {
  if (stop.signal.aborted) break;
  console.error(`bench: ${file}`);
  try {
    const bench = await load(file);
    rows.push(...(await bench({ signal: stop.signal })));
  } catch (error) {
    failed += 1;
    console.error(`bench: ${file} failed:`, error);
  }
}
const table = markdownTable(rows, machineFacts(new Date()));
console.log(table);

const whole = names.length === 0 && failed === 0 && rows.length > 0 && !stop.signal.aborted;
if (whole) {
  const page = join(import.meta.dirname, 'README.md');
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), table));
}
if (!whole && names.length === 0) console.error('bench: not a whole run, so bench/README.md stays as it was');
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

/** The one function that a benchmark's file exports. */
async function load(file: string): Promise<Bench> {
  // A folder of our own, listed above; what a file exports cannot be known to the compiler.
  const module = (await import(join(import.meta.dirname, file))) as Record<string, unknown>;
  const functions = Object.values(module).filter((value) => typeof value === 'function');
  if (functions.length !== 1) throw new Error(`${file} exports ${functions.length} functions, one is wanted`);
  return functions[0] as Bench;
}
