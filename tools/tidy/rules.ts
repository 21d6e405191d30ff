import { adaptersRule } from './rule/adapters.ts';
import { arrowsRule } from './rule/arrows.ts';
import { browserRule } from './rule/browser.ts';
import { cyclesRule } from './rule/cycles.ts';
import { decisionsRule } from './rule/decisions.ts';
import { dependenciesRule } from './rule/dependencies.ts';
import { errorsRule } from './rule/errors.ts';
import { foldersRule } from './rule/folders.ts';
import { importCountRule } from './rule/import-count.ts';
import { leftoversRule } from './rule/leftovers.ts';
import { linksRule } from './rule/links.ts';
import { sizesRule } from './rule/sizes.ts';
import { unreferencedPythonRule } from './rule/unreferenced-python.ts';
import { unreferencedRule } from './rule/unreferenced.ts';
import type { Rule } from './rule.ts';

/** Everything that the repository is held to. */
export const rules: readonly Rule[] = [
  arrowsRule,
  adaptersRule,
  browserRule,
  cyclesRule,
  importCountRule,
  sizesRule,
  foldersRule,
  unreferencedRule,
  unreferencedPythonRule,
  errorsRule,
  dependenciesRule,
  decisionsRule,
  linksRule,
  leftoversRule,
];
