import type { Finding, Rule } from '../rule.ts';

const headings = ['## Context', '## Decision', '## Consequences'];

/** Decisions (docs/adr) are numbered once each and have the same shape, so that they can be found and read fast. */
export const decisionsRule: Rule = {
  name: 'decisions have a number of their own and the shape of a decision',
  check(tree) {
    const pages = tree.paths.filter((path) => path.startsWith('docs/adr/') && path !== 'docs/adr/README.md');
    const numbers = new Map<string, string>();
    return pages.flatMap((path) => {
      const findings: Finding[] = [];
      const number = /^docs\/adr\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1];
      if (number === undefined) {
        return [{ path, line: 1, message: 'is not named like a decision; call it docs/adr/NNNN-title.md' }];
      }
      const other = numbers.get(number);
      if (other !== undefined)
        findings.push({ path, line: 1, message: `${other} has this number; take the next free one` });
      numbers.set(number, path);
      const text = tree.read(path).split('\n');
      if (!text[0]?.startsWith('# '))
        findings.push({ path, line: 1, message: 'begins without a title; add "# Title"' });
      const places = headings.map((heading) => text.findIndex((line) => line.trim() === heading));
      if (places.includes(-1) || places.some((place, at) => at > 0 && place < (places[at - 1] ?? 0))) {
        findings.push({ path, line: 1, message: `needs the headings ${headings.join(', ')}, in this order` });
      }
      return findings;
    });
  },
};
