import { stringify } from 'smol-toml';
import { capturedLine, type LockFacts } from '../recipe/locked-requirements.ts';
import type { Requirement } from '../recipe/requirement.ts';
import { redactUrl } from '../source/git/address.ts';
import type { Lock, LockedWheel } from './lock.ts';
import type { WheelTarget } from './wheel-name.ts';

export interface PylockContent {
  readonly lock: Lock;
  readonly target: WheelTarget;
  readonly facts: LockFacts;
  /** Projects and wheels of the repository that were asked for. */
  readonly local: readonly { readonly requirement: Requirement; readonly name: string }[];
}

/**
 * A lock as pylock.toml (PEP 751), for a person to commit: addresses without credentials, and under `tool.galley` what Galley needs to know
 * whether it is still of the present requirements, and which packages the service does without. Pure.
 */
export function writePylock({ lock, target, facts, local }: PylockContent): string {
  const serving = new Set(lock.serving);
  const packages = lock.wheels
    .filter(({ local: isLocal }) => isLocal !== true)
    .map((wheel) => packageOf(wheel, serving.has(wheel.name)));
  const projects = local.map(({ requirement, name }) => localPackage(requirement, name));
  const document = {
    'lock-version': '1.0',
    environments: [`sys_platform == 'linux' and platform_machine == '${target.machine}'`],
    'requires-python': `==${target.python}.*`,
    'created-by': 'galley',
    packages: [...packages, ...projects].sort((a, b) => (a.name < b.name ? -1 : 1)),
    tool: {
      galley: {
        requirements: facts.requirements,
        ...(facts.asOf === undefined ? {} : { 'as-of': facts.asOf }),
        ...(facts.captured.length === 0 ? {} : { captured: facts.captured.map(capturedLine) }),
        ...(facts.changes.length === 0 ? {} : { replaced: facts.changes }),
      },
    },
  };
  return `# Written by galley lock; write it anew with galley lock.\n${stringify(document)}`;
}

function packageOf(wheel: LockedWheel, isServed: boolean): { readonly name: string } {
  const { name, version, filename, url, size, sha256 } = wheel;
  const shown = redactUrl(url).replace(/#.*$/, '');
  return {
    name,
    version,
    wheels: [{ name: filename, url: shown, ...(size > 0 ? { size } : {}), hashes: { sha256 } }],
    ...(isServed ? {} : { tool: { galley: { serving: false } } }),
  } as { readonly name: string };
}

function localPackage(requirement: Requirement, name: string): { readonly name: string } {
  const source = requirement.direct?.source;
  if (source?.kind === 'file')
    return { name, archive: { path: source.path, hashes: { sha256: requirement.hashes[0] ?? '' } } } as {
      readonly name: string;
    };
  return {
    name,
    directory: { path: source?.kind === 'project' && source.path !== '' ? source.path : '.' },
  } as { readonly name: string };
}
