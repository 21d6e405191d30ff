import type { Verified } from '@galley/image/signature/verify-image';
import { safeText } from '../../render/safe-text.ts';
import { openStore } from '../../server/open-store.ts';
import { verifyingKeys } from '../../signing/key-options.ts';
import { notCounted, requireSignature } from '../../signing/require-signature.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Check that an image was signed by a key that you trust',
  description:
    'Looks at the signatures and signed statements beside the image: made by galley image sign or by cosign with a key. Without a signature that counts it fails.',
  examples: [
    'galley image verify default/iris',
    'galley image pull registry.example/team/iris:v1 --referrers && galley image verify registry.example/team/iris:v1 --key cosign.pub',
  ],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
  ],
  options: [
    { flags: '--key <FILE>', description: "a public key in PEM (default: the home's own)", repeatable: true },
  ],
  async run(input, context) {
    const name = input.args[0] ?? '';
    const keys = await verifyingKeys(input, context);
    const store = await openStore(context.home);
    const digests = [await store.resolve(name)];
    const next = 'galley image pull REFERENCE --referrers brings signatures along.';
    const report = await requireSignature(store, { name, digests, next }, keys);
    return {
      text: [
        `${name}, ${report.digest}, is signed:`,
        ...report.signatures.map(signatureLine),
        ...report.statements.map((one) => `  says ${safeText(one.predicateType)}, key ${one.key}`),
        ...report.others.map(notCounted),
      ].join('\n'),
      value: report,
      names: report.signatures.map((one) => one.referrer),
    };
  },
};

function signatureLine(one: Verified): string {
  const identity = one.identity === '' ? '' : ` as ${safeText(one.identity)}`;
  return `  ${one.format}${identity}, key ${one.key}`;
}
