import { resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '@galley/image/assemble/read-image';
import { exportImage, type ExportFormat } from '@galley/image/export/export-image';
import { textOption } from '../../program.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

const formats: readonly ExportFormat[] = ['oci', 'oci-archive', 'docker-archive'];

export const command: Command = {
  summary: 'Write an image as an OCI layout or a docker archive',
  examples: [
    'galley image export default/iris:1 iris.tar --format docker-archive && docker load -i iris.tar',
    'galley image export default/iris:1 iris-oci --format oci && skopeo inspect oci:iris-oci',
  ],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    { name: 'FILE', description: 'the file or folder to write; it must not exist', completes: 'path' },
  ],
  options: [{ flags: '--format <FORMAT>', description: `one of ${formats.join(', ')}`, default: 'oci' }],
  async run(input, context) {
    const [reference = '', target = ''] = input.args;
    const format = formats.find((known) => known === textOption(input, 'format'));
    if (format === undefined) {
      throw new GalleyError('USAGE', `There is no format ${textOption(input, 'format')}.`, {
        hint: formats.join(', '),
      });
    }
    const store = await openStore(context.home);
    const image = await readImage(store, await store.resolve(reference));
    const path = resolve(context.cwd, target);
    await exportImage(store, image, { format, path, name: reference, signal: context.signal });
    return {
      text: `Wrote ${path} (${format}).`,
      value: { digest: image.digest, path, format },
      names: [path],
    };
  },
};
