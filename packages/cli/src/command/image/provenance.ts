import { redactUrl } from '@galley/build/source/git/address';
import { readImage } from '@galley/image/assemble/read-image';
import { readContents } from '@galley/image/facts/packages';
import { makeProvenance, type BuildFacts } from '@galley/image/provenance/make-provenance';
import { attestImage } from '@galley/image/signature/sign-image';
import { asTagOwner } from '../../registry/tag-owner.ts';
import { findServer } from '../../server/running-server.ts';
import { openStore } from '../../server/open-store.ts';
import { signingFlag, signingKey } from '../../signing/key-options.ts';
import type { Command, Context } from '../command.ts';

export const command: Command = {
  summary: 'Where an image comes from: source, packages, build, as a SLSA provenance',
  description:
    'Printed as an in-toto statement. A running server adds what its record of the build knows: address, times, allowed hosts. --attach signs it and keeps it beside the image.',
  examples: ['galley image provenance default/iris', 'galley image provenance default/iris --attach'],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
  ],
  options: [
    { flags: '--attach', description: 'sign it and keep it as a referrer of the image' },
    signingFlag,
  ],
  async run(input, context) {
    const name = input.args[0] ?? '';
    const store = await openStore(context.home);
    const image = await readImage(store, await store.resolve(name));
    const contents = await readContents(store, image, context.signal);
    const build = await findBuild(image.digest, context);
    const statement = makeProvenance({ image, name, contents, build });
    if (input.options['attach'] !== true)
      return { text: JSON.stringify(statement, undefined, 2), value: statement };
    const key = await signingKey(input, context);
    const digest = await asTagOwner(context, async (owner) =>
      owner.put(
        await attestImage(
          owner.store,
          { digest: image.digest, mediaType: image.manifest.mediaType },
          statement,
          key,
        ),
      ),
    );
    const value = { image: image.digest, digest, key: key.fingerprint };
    return { text: `Attached ${digest} to ${name}, signed with ${key.fingerprint}.`, value, names: [digest] };
  },
};

/** The record of the build that made the image, where a server has one. */
async function findBuild(digest: string, context: Context): Promise<BuildFacts | undefined> {
  if ((await findServer(context.home)) === undefined) return undefined;
  const client = await context.connect();
  const builds = await client.list('Build', context.project, context.signal);
  const build = builds.find(({ status }) => status.image === digest);
  if (build === undefined) return undefined;
  const { metadata, spec, status } = build;
  const { git } = spec.snapshot.source;
  return {
    id: `${metadata.namespace}/${metadata.name}`,
    ...(git === undefined ? {} : { sourceUrl: redactUrl(git.url), sourceRef: git.ref ?? '' }),
    ...(status.startedAt === undefined ? {} : { startedAt: status.startedAt }),
    ...(status.endedAt === undefined ? {} : { endedAt: status.endedAt }),
    egressHosts: spec.snapshot.egress?.hosts ?? [],
    records: status.records,
  };
}
