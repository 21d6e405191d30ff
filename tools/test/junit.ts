import { XMLParser } from 'fast-xml-parser';
import type { Failure, Skip, SuiteResult } from './suite-result.ts';

interface Outcome {
  readonly message?: string;
}

interface Case {
  readonly classname: string;
  readonly name: string;
  readonly failure?: readonly Outcome[];
  readonly error?: readonly Outcome[];
  readonly skipped?: readonly Outcome[];
}

interface Report {
  readonly testsuites?: { readonly testsuite?: readonly { readonly testcase?: readonly Case[] }[] };
}

/** Reads the JUnit XML that pytest writes. A case with an error in its clean-up counts once, as failed. */
export function readJunit(name: string, xml: string): SuiteResult {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseAttributeValue: false,
    htmlEntities: true,
    isArray: (tag) => ['testsuite', 'testcase', 'failure', 'error', 'skipped'].includes(tag),
  });
  // pytest's own writer makes it; the shape is fixed by pytest's xunit2 family.
  const report = parser.parse(xml) as Report;
  const cases = (report.testsuites?.testsuite ?? []).flatMap((suite) => suite.testcase ?? []);
  const failed: Failure[] = [];
  const skipped: Skip[] = [];
  let passed = 0;
  for (const one of cases) {
    const test = `${one.classname}::${one.name}`;
    const wrong = [...(one.failure ?? []), ...(one.error ?? [])][0];
    const skip = one.skipped?.[0];
    if (wrong !== undefined) failed.push({ test, message: wrong.message ?? '' });
    else if (skip !== undefined) skipped.push({ test, reason: skip.message ?? 'without a reason' });
    else passed += 1;
  }
  return { name, passed, failed, skipped };
}
