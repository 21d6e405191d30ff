import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { shortDigest } from '@galley/api/digest';
import { openLayoutStore } from '@galley/image/layout-store';
import { whyPath } from '@galley/image/why/why-path';
import { safeText } from '../../render/safe-text.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Which layer a file of an image is in, and which input put it there',
  examples: ['galley image why default/iris:1 /opt/galley/env/bin/python'],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    { name: 'PATH', description: 'an absolute path inside' },
  ],
  async run({ args: [reference = '', path = ''] }, context) {
    const store = await openLayoutStore(join(context.home, 'images'), { wipe: false });
    const digest = await store.resolve(reference);
    const found = await whyPath(store, digest, path);
    if (found === undefined) {
      throw new GalleyError('USAGE', `${reference} has no file ${path}.`, {
        hint: `galley image inspect ${reference}`,
      });
    }
    return {
      text: `${path}\n  in layer ${shortDigest(found.layer)}\n  put there by ${safeText(found.createdBy)}`,
      value: found,
      names: [found.layer],
    };
  },
};
