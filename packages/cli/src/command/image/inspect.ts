import { formatBytes } from '@galley/api/kind/quantity';
import { shortDigest } from '@galley/api/digest';
import { readImage } from '@galley/image/assemble/read-image';
import { safeLine } from '../../render/safe-text.ts';
import { table } from '../../render/table.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Configuration and layers of an image',
  examples: ['galley image inspect default/iris:1', 'galley image inspect 1f2e3d4c5b6a -o json'],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
  ],
  async run({ args: [reference = ''] }, context) {
    const store = await openStore(context.home);
    const image = await readImage(store, await store.resolve(reference));
    const { config, architecture, os } = image.config;
    const rows = image.layers.map((layer) => [
      shortDigest(layer.descriptor.digest),
      formatBytes(layer.descriptor.size),
      safeLine(layer.createdBy),
    ]);
    return {
      text: [
        `Digest      ${image.digest}`,
        `Platform    ${safeLine(`${os}/${architecture}`)}`,
        `User        ${safeLine(config.User ?? 'root')}`,
        `Entry point ${safeLine([...(config.Entrypoint ?? []), ...(config.Cmd ?? [])].join(' '))}`,
        `Work dir    ${safeLine(config.WorkingDir ?? '/')}`,
        ...Object.entries(config.Labels ?? {}).map(
          ([key, value]) => `Label       ${safeLine(`${key}=${value}`)}`,
        ),
        '',
        table(['LAYER', 'SIZE', 'CREATED BY'], rows, ['left', 'right']),
      ].join('\n'),
      value: { digest: image.digest, manifest: image.manifest, config: image.config },
      names: [image.digest],
    };
  },
};
