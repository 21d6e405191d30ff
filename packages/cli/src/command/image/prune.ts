import { GalleyError } from '@galley/api/error/galley-error';
import { formatDuration, parseDurationMs } from '@galley/api/kind/duration';
import type { BlobCount, PruneAnswer } from '@galley/api/http/messages';
import { formatBytes } from '@galley/api/kind/quantity';
import { textOption } from '../../program.ts';
import { safeText } from '../../render/safe-text.ts';
import { asTagOwner } from '../../registry/tag-owner.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Remove what no tag, revision or build needs',
  description:
    'Keeps what tags, revisions and builds lead to, and what refers to those. May be run beside builds, pushes and pulls: what they touch stays. A layer that is needed again later is made again.',
  examples: ['galley image prune --dry-run', 'galley image prune --older-than 24h'],
  options: [
    { flags: '--dry-run', description: 'only tell what would go' },
    { flags: '--older-than <TIME>', description: 'keep what was used within this time', default: '1h' },
  ],
  async run(input, context) {
    const text = textOption(input, 'olderThan') ?? '';
    const olderThanMs = parseDurationMs(text);
    if (olderThanMs === undefined) {
      throw new GalleyError('USAGE', `--older-than ${text} is no time.`, { hint: 'As 30m, 24h or 0s.' });
    }
    const dryRun = input.options['dryRun'] === true;
    const report = await asTagOwner(context, (owner) =>
      owner.prune({ dryRun, olderThanMs: Math.ceil(olderThanMs) }),
    );
    return { text: describe(report, context.now()), value: report };
  },
};

function describe(report: PruneAnswer, nowMs: number): string {
  const count = ({ blobs, bytes }: BlobCount): string =>
    `${blobs.toLocaleString('en-US')} blobs, ${formatBytes(bytes)}`;
  return [
    `${report.dryRun ? 'Would remove' : 'Removed'}  ${count(report.removed)}`,
    `Needed   ${count(report.needed)}`,
    `Too young, or of somebody at work  ${count(report.young)}`,
    ...report.leases.map(
      (lease) =>
        `  at work: ${safeText(lease.purpose)}, process ${lease.pid}, for ${formatDuration(nowMs - lease.startedMs)}`,
    ),
  ].join('\n');
}
