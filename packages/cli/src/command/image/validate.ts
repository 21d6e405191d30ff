import { shortDigest } from '@galley/api/digest';
import { formatBytes } from '@galley/api/kind/quantity';
import { validateImage } from '@galley/image/validate/validate-image';
import { safeText } from '../../render/safe-text.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Check every promise of an image: digests, sizes, layers, paths',
  description: 'Reads and unpacks every layer in memory. Exit code 1 when something is wrong.',
  examples: ['galley image validate default/iris:1'],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
  ],
  async run({ args: [reference = ''] }, context) {
    const store = await openStore(context.home);
    const report = await validateImage(store, await store.resolve(reference), context.signal);
    const entries = report.layers.reduce((sum, layer) => sum + layer.entries, 0);
    const bytes = report.layers.reduce((sum, layer) => sum + layer.bytes, 0);
    return {
      text: [
        `${reference} (${shortDigest(report.digest)}): ${report.valid ? 'valid' : 'not valid'}; ${report.layers.length} layers, ${entries.toLocaleString('en-US')} entries, ${formatBytes(bytes)}`,
        ...report.findings.map(
          (f) => `  ${f.severity} ${f.rule} at ${safeText(f.where)}: ${safeText(f.message)}`,
        ),
      ].join('\n'),
      value: report,
      names: [report.digest],
      exitCode: report.valid ? 0 : 1,
    };
  },
};
