import { join } from 'node:path';
import { shortDigest } from '@galley/api/digest';
import { formatBytes } from '@galley/api/kind/quantity';
import { readImage } from '@galley/image/assemble/read-image';
import { openLayoutStore } from '@galley/image/layout-store';
import { table } from '../../render/table.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Images in the store, by tag',
  examples: ['galley image list', 'galley image list -o name'],
  async run(_input, context) {
    const store = await openLayoutStore(join(context.home, 'images'), { wipe: false });
    const items = await Promise.all(
      (await store.tags()).flatMap(({ name, history }) => {
        const last = history.at(-1);
        return last === undefined ? [] : [describe(name, last)];
      }),
    );
    async function describe(name: string, { digest, time }: { digest: `sha256:${string}`; time: string }) {
      const image = await readImage(store, digest);
      return {
        name,
        digest,
        time,
        layers: image.layers.length,
        sizeBytes: image.layers.reduce((sum, layer) => sum + layer.descriptor.size, 0),
        kind: image.config.config.Labels?.['dev.galley.kind'] ?? '-',
      };
    }
    const rows = items.map((item) => [
      item.name,
      shortDigest(item.digest),
      item.kind,
      String(item.layers),
      formatBytes(item.sizeBytes),
      item.time,
    ]);
    return {
      text:
        items.length === 0
          ? 'No images yet.\nNext: galley build examples/iris'
          : table(['NAME', 'DIGEST', 'KIND', 'LAYERS', 'SIZE', 'TAGGED'], rows, [
              'left',
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
