import { shortDigest } from '@galley/api/digest';
import type { Workbench } from '@galley/build/build-workbench';
import type { WorkloadStatus } from '@galley/engine/engine';
import { safeLine } from './safe-text.ts';

/** Where a lab answers. `path`: the folder that is worked in; undefined: what the image holds. */
export function describeLabStart(
  url: string,
  path: string | undefined,
  { image, warnings }: Pick<Workbench, 'image' | 'warnings'>,
): string {
  return [
    ...warnings.map((warning) => `warning: ${safeLine(warning)}`),
    '',
    `JupyterLab   ${url}`,
    path === undefined
      ? `Working in   what workbench ${shortDigest(image)} holds: it goes with the session`
      : `Working in   ${safeLine(path)}`,
    'Ctrl-C ends it.',
  ].join('\n');
}

/** What is left when a lab has ended. */
export interface LabEnd {
  /** How JupyterLab ended by itself; undefined: it was asked to. */
  readonly status: Pick<WorkloadStatus, 'phase' | 'reason' | 'message'> | undefined;
  /** `name version`, installed where it lasts. */
  readonly packages: readonly string[];
  /** There is a `.git` that the session could write to. */
  readonly openGit: boolean;
}

/** The same for people. */
export function describeLabEnd({ status, packages, openGit }: LabEnd): string {
  const why = status?.phase === 'succeeded' ? [] : [status?.reason, status?.message];
  const lines = [['The lab has ended', ...why.filter((part) => part !== undefined)].map(safeLine).join(': ')];
  if (!/[.!]$/.test(lines[0] ?? '')) lines[0] += '.';
  if (packages.length > 0)
    lines.push(
      `Installed here: ${packages.map(safeLine).join(', ')}.`,
      'galley lab --capture writes it into pylock.toml for the next build; galley lab --reset begins without it.',
    );
  if (openGit)
    lines.push(
      'warning: there is a .git that the session made or could write to. Look at its config and hooks before you run git in the folder: git runs what they name.',
    );
  return lines.join('\n');
}
