import { readImage } from '@galley/image/assemble/read-image';
import { isObject } from '@galley/api/json-object';
import { manifestType, mediaType } from '@galley/image/media-type';
import { signImage } from '@galley/image/signature/sign-image';
import { textOption } from '../../program.ts';
import { asTagOwner } from '../../registry/tag-owner.ts';
import { homeKeyPaths } from '../../signing/home-key.ts';
import { signingFlag, signingKey } from '../../signing/key-options.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Sign an image with a key of your own',
  description:
    'As cosign does, for its versions up to 2 and from 3 on; a push takes the signatures along. Without --key the home makes a key of its own at the first signature.',
  examples: [
    'galley image sign default/iris && galley image push default/iris registry.example/team/iris:v1',
    'galley image sign default/iris --key release.key --identity registry.example/team/iris',
  ],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
  ],
  options: [
    signingFlag,
    { flags: '--identity <NAME>', description: 'what the image is called in the signature (default: IMAGE)' },
  ],
  async run(input, context) {
    const name = input.args[0] ?? '';
    const key = await signingKey(input, context);
    return asTagOwner(context, async (owner) => {
      const digest = await owner.store.resolve(name);
      const manifest = await owner.store.readJson(digest);
      // What is no image is not signed as one; of an index its own manifest is signed.
      if (!isObject(manifest) || !Array.isArray(manifest['manifests'])) await readImage(owner.store, digest);
      const identity = textOption(input, 'identity') ?? name;
      const type = manifestType(manifest) ?? mediaType.manifest;
      const made = await signImage(owner.store, { digest, mediaType: type, identity }, key);
      const referrers: string[] = [];
      for (const bytes of made) referrers.push(await owner.put(bytes));
      const isOwn = textOption(input, 'key') === undefined;
      return {
        text: [
          made.length === 0 ? `${name} was signed with this key before.` : `Signed ${name}, ${digest}.`,
          `Key    ${key.fingerprint}${isOwn ? `, public part: ${homeKeyPaths(context.home).public}` : ''}`,
        ].join('\n'),
        value: { digest, key: key.fingerprint, publicKey: key.publicPem, referrers },
        names: referrers,
      };
    });
  },
};
