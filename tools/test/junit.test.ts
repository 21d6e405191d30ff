import { expect, test } from 'vitest';
import { readJunit } from './junit.ts';

test('passed, failed, broken and skipped cases are told apart, with their messages', () => {
  const xml = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1"
    skipped="1" tests="4"><testcase classname="tests.test_a" name="test_one" time="0.1" />
    <testcase classname="tests.test_a" name="test_two[1&lt;2]"><failure message="assert 1 == 2&#10;more">trace</failure></testcase>
    <testcase classname="tests.test_a" name="test_three"><error message="fixture broke">trace</error></testcase>
    <testcase classname="tests.test_a" name="test_four"><skipped type="pytest.skip" message="needs numpy">x</skipped></testcase>
    </testsuite></testsuites>`;
  expect(readJunit('pytest', xml)).toEqual({
    name: 'pytest',
    passed: 1,
    failed: [
      { test: 'tests.test_a::test_two[1<2]', message: 'assert 1 == 2\nmore' },
      { test: 'tests.test_a::test_three', message: 'fixture broke' },
    ],
    skipped: [{ test: 'tests.test_a::test_four', reason: 'needs numpy' }],
  });
});

test('a report without a case is no test at all', () => {
  expect(readJunit('pytest', '<testsuites><testsuite name="pytest" tests="0"/></testsuites>')).toEqual({
    name: 'pytest',
    passed: 0,
    failed: [],
    skipped: [],
  });
});
