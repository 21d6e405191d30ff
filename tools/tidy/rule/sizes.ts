import { isCode } from '../path.ts';
import type { Finding, Rule } from '../rule.ts';

/** Lines. The two shares are over all files, so that many small files do not hide a tail of long ones. */
const linesMax = 500;
const medianMax = 100;
const ninetiethMax = 300;

/** One concept per file shows in its length. */
export const sizesRule: Rule = {
  name: `files have at most ${linesMax} lines, half of them ${medianMax}, nine of ten ${ninetiethMax}`,
  check(tree) {
    const sized = tree.paths
      .filter(isCode)
      .map((path) => ({ path, lines: tree.read(path).split('\n').length - 1 }))
      .toSorted((a, b) => a.lines - b.lines);
    const findings: Finding[] = sized
      .filter(({ lines }) => lines > linesMax)
      .map(({ path, lines }) => ({
        path,
        line: linesMax + 1,
        message: `${lines} lines, ${linesMax} are allowed; split the file by concept`,
      }));
    for (const [share, max] of [
      [0.5, medianMax],
      [0.9, ninetiethMax],
    ] as const) {
      const at = sized[Math.floor(sized.length * share)];
      if (at === undefined || at.lines <= max) continue;
      findings.push({
        path: at.path,
        line: max + 1,
        message: `${share * 100} % of all files should have at most ${max} lines, this one in the middle of them has ${at.lines}; split the longest`,
      });
    }
    return findings;
  },
};
