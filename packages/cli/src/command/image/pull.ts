import { formatBytes } from '@galley/api/kind/quantity';
import { pullImage } from '@galley/image/registry-client/pull-image';
import { formatReference, parseReference } from '@galley/image/registry-client/reference';
import { textOption } from '../../program.ts';
import { registryFlags, registryOptions } from '../../registry/registry-options.ts';
import { asTagOwner } from '../../registry/tag-owner.ts';
import { verifyingKeys } from '../../signing/key-options.ts';
import { requireSignature } from '../../signing/require-signature.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Pull an image from a registry into the store',
  description:
    'Everything is verified by size and digest. Of an index the image for this machine is taken, or for --architecture.',
  examples: [
    'galley image pull registry.example/team/iris:v1',
    'galley image pull registry.example/team/iris:v1 --as default/iris:theirs --referrers',
    'galley image pull registry.example/team/iris:v1 --key team.pub',
  ],
  arguments: [{ name: 'REFERENCE', description: 'registry.example/team/model:v1' }],
  options: [
    ...registryFlags,
    { flags: '--as <NAME:TAG>', description: 'what to call it here (default: the reference)' },
    { flags: '--architecture <ARCH>', description: 'amd64 or arm64 (default: this machine)' },
    {
      flags: '--key <FILE>',
      description: 'only if it is signed by this public key in PEM, or by one of several',
      repeatable: true,
    },
    { flags: '--referrers', description: 'also what refers to the image: signatures, bills of materials' },
  ],
  async run(input, context) {
    const reference = parseReference(input.args[0] ?? '');
    const name = textOption(input, 'as') ?? formatReference(reference);
    const architecture = textOption(input, 'architecture');
    const options = await registryOptions(input, context);
    const keys = input.options['key'] === undefined ? undefined : await verifyingKeys(input, context);
    const report = await asTagOwner(context, async (owner) => {
      const pulled = await pullImage(owner.store, {
        ...options,
        reference,
        ...(architecture === undefined ? {} : { architecture }),
        referrers: keys !== undefined || input.options['referrers'] === true,
        progress: { emit: context.emit, object: `image/${name}`, phase: 'pull' },
      });
      for (const { bytes, subject } of pulled.referrers) await owner.put(bytes, subject);
      if (keys !== undefined) {
        const digests = [pulled.digest, ...(pulled.index === undefined ? [] : [pulled.index])];
        const next = `It got no name here. Ask for the public key of whoever signed it, or for it to be signed: galley image sign`;
        await requireSignature(owner.store, { name: pulled.reference, digests, next }, keys);
      }
      // Last: what is not signed as it should be gets no name.
      await owner.tag(name, pulled.digest);
      return pulled;
    });
    const { known, fetched } = report.blobs;
    const value = { ...report, name, referrers: report.referrers.length };
    return {
      text: [
        `Pulled ${report.reference} as ${name}`,
        `Digest ${report.digest}`,
        `Blobs  ${fetched} fetched (${formatBytes(report.fetchedBytes)}), ${known} here already`,
        ...(value.referrers === 0 ? [] : [`Along with it: ${value.referrers} that refer to it`]),
      ].join('\n'),
      value,
      names: [name],
    };
  },
};
