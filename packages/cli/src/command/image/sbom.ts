import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '@galley/image/assemble/read-image';
import { makeReferrer } from '@galley/image/referrer/make-referrer';
import { billTypes, makeBill, type BillFormat } from '@galley/image/sbom/bill';
import { textOption } from '../../program.ts';
import { asTagOwner } from '../../registry/tag-owner.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

const formats = Object.keys(billTypes) as readonly BillFormat[]; // the table's keys are the formats

export const command: Command = {
  summary: 'The bill of materials of an image: its Debian and Python packages',
  description:
    'Printed as JSON. The same image gives the same bytes. --attach keeps it beside the image; a push takes it along.',
  examples: [
    'galley image sbom default/iris > iris.cdx.json',
    'galley image sbom default/iris --format spdx --attach',
  ],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
  ],
  options: [
    { flags: '--format <FORMAT>', description: `one of ${formats.join(', ')}`, default: 'cyclonedx' },
    { flags: '--attach', description: 'keep it as a referrer of the image' },
  ],
  async run(input, context) {
    const name = input.args[0] ?? '';
    const format = formats.find((known) => known === textOption(input, 'format'));
    if (format === undefined) {
      throw new GalleyError('USAGE', `There is no format ${textOption(input, 'format')}.`, {
        hint: formats.join(', '),
      });
    }
    const store = await openStore(context.home);
    const image = await readImage(store, await store.resolve(name));
    const bill = await makeBill(store, image, { format, name, signal: context.signal });
    if (input.options['attach'] !== true) return { text: bill.trimEnd(), value: JSON.parse(bill) };
    const digest = await asTagOwner(context, async (owner) =>
      owner.put(
        await makeReferrer(owner.store, {
          subject: { digest: image.digest, mediaType: image.manifest.mediaType },
          artifactType: billTypes[format],
          contentType: billTypes[format],
          content: Buffer.from(bill),
        }),
      ),
    );
    return {
      text: `Attached ${digest} to ${name}.`,
      value: { image: image.digest, digest, format },
      names: [digest],
    };
  },
};
