import { GalleyError } from '@galley/api/error/galley-error';
import { shortDigest } from '@galley/api/digest';
import { readImage } from '@galley/image/assemble/read-image';
import { why, type PathMention } from '@galley/image/facts/why';
import { safeText } from '../../render/safe-text.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Which layer a file of an image is in, and which input put it there',
  examples: ['galley image why default/iris:1 /opt/galley/env/bin/python'],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    { name: 'PATH', description: 'an absolute path inside' },
  ],
  async run({ args: [reference = '', path = ''] }, context) {
    const store = await openStore(context.home);
    const report = await why(
      store,
      await readImage(store, await store.resolve(reference)),
      path,
      context.signal,
    );
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

function line(mention: PathMention): string {
  const target = mention.target === undefined ? '' : ` → ${safeText(mention.target)}`;
  return `  layer ${mention.layer} (${shortDigest(mention.digest)}) ${mention.action} it${target}: ${safeText(mention.createdBy)}`;
}
