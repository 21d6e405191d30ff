import { shortDigest } from '@galley/api/digest';
import { formatBytes } from '@galley/api/kind/quantity';
import { listImages } from '@galley/image/facts/list-images';
import { safeText } from '../../render/safe-text.ts';
import { table } from '../../render/table.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Images in the store, by tag',
  examples: ['galley image list', 'galley image list -o name'],
  async run(_input, context) {
    const items = await listImages(await openStore(context.home));
    const rows = items.map((item) => [
      item.name,
      shortDigest(item.digest),
      String(item.layers),
      formatBytes(item.sizeBytes),
      item.taggedAt,
      item.broken === undefined ? '' : `broken: ${safeText(item.broken)}`,
    ]);
    return {
      text:
        items.length === 0
          ? 'No images yet.\nNext: galley build examples/iris'
          : table(['NAME', 'DIGEST', 'LAYERS', 'SIZE', 'TAGGED', ''], rows, [
              'left',
              'left',
              'right',
              'right',
            ]),
      value: { items },
      names: items.map((item) => item.name),
    };
  },
};
