import { GalleyError } from '@galley/api/error/galley-error';
import { shortDigest } from '@galley/api/digest';
import { formatBytes } from '@galley/api/kind/quantity';
import { readImage } from '@galley/image/assemble/read-image';
import { explainLayers, type LayersReport } from '@galley/image/facts/explain-layers';
import { layerRole } from '@galley/image/facts/layer-role';
import { why, type PathMention } from '@galley/image/facts/why';
import { safeText } from '../../render/safe-text.ts';
import { table } from '../../render/table.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Why an image is as it is: its layers, or the layer of one file',
  description:
    'Without a path: what each layer was made of, and why it is not the layer of the image that the same tag named before. With one: which layer brings the file, and what put it there.',
  examples: [
    'galley image why default/iris:latest',
    'galley image why default/iris:latest /opt/galley/env/bin/python',
  ],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    { name: 'PATH', description: 'an absolute path inside', optional: true },
  ],
  async run({ args: [reference = '', path] }, context) {
    const store = await openStore(context.home);
    const image = await readImage(store, await store.resolve(reference));
    if (path === undefined) {
      const report = await explainLayers(store, image, reference);
      return {
        text: describeLayers(report),
        value: report,
        names: report.layers.map(({ digest }) => digest),
      };
    }
    const report = await why(store, image, path, context.signal);
    if (report.mentions.length === 0) {
      throw new GalleyError('USAGE', `No layer of ${reference} says anything of ${path}.`, {
        hint: `galley image inspect ${reference} lists its layers.`,
      });
    }
    return {
      text: [`${path} is ${report.present ? 'there' : 'not there'}:`, ...report.mentions.map(line)].join(
        '\n',
      ),
      value: report,
      names: report.mentions.map((mention) => mention.digest),
    };
  },
};

function describeLayers(report: LayersReport): string {
  const rows = report.layers.map((layer) => [
    shortDigest(layer.digest),
    formatBytes(layer.sizeBytes),
    layer.role === '' ? '—' : layer.role,
    layer.kept ? 'kept' : 'new',
    safeText(layer.kept || layer.reason === '' ? layer.from : layer.reason).slice(0, 110),
  ]);
  const compared =
    report.previous === undefined
      ? (report.note ?? '')
      : `Compared with ${shortDigest(report.previous)}, which the tag named before: ${report.layers.filter(({ kept }) => kept).length} of ${report.layers.length} layers were kept.`;
  return [
    table(['LAYER', 'SIZE', 'FOR', '', 'WHAT IT IS OF, OR WHY IT IS NEW'], rows, ['left', 'right']),
    '',
    compared,
  ].join('\n');
}

function line(mention: PathMention): string {
  const target = mention.target === undefined ? '' : ` → ${safeText(mention.target)}`;
  const { role, from } = layerRole(mention.createdBy);
  const input = mention.package ?? (from === '' ? role : from);
  const size =
    mention.type === 'file' && mention.action === 'adds' ? `, ${formatBytes(mention.sizeBytes)}` : '';
  return `  layer ${mention.layer} (${shortDigest(mention.digest)}${role === '' ? '' : `, ${role}`}) ${mention.action} it${target}${size}: ${safeText(input)}`;
}
