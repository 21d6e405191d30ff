import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { isDigest, type Digest } from '@galley/api/digest';
import { pruneStore } from '@galley/image/prune/prune-store';
import { imagesInUse } from '../store/images-in-use.ts';
import type { ApiContext } from './api-context.ts';
import { endpointRoute, param } from './endpoint-route.ts';
import { refuse, requireValid } from './validate.ts';

const PruneBody = Type.Object(
  { dryRun: Type.Boolean(), olderThanMs: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);
const DigestBody = Type.Object({ digest: Type.String() }, { additionalProperties: false });
const AttachBody = Type.Object(
  { digest: Type.String(), subject: Type.Optional(Type.String()) },
  { additionalProperties: false },
);

/** Moves tags and lists referrers for commands of the same machine: blobs they write themselves, the index has one writer. */
export function imageRoutes(app: FastifyInstance, context: ApiContext): void {
  endpointRoute(app, 'imageTag', async (call) => {
    await context.images.tag(param(call, 'name'), digestOf(call.body, 'This tag'));
    return {};
  });

  endpointRoute(app, 'imageUntag', async (call) => {
    await context.images.untag(param(call, 'name'));
    return {};
  });

  endpointRoute(app, 'imageAttach', async (call) => {
    requireValid(AttachBody, call.body, 'body', 'This referrer');
    const { digest, subject } = call.body;
    const bytes = await context.images.readBytes(requireDigest(digest, 'digest', 'This referrer'));
    const told = subject === undefined ? undefined : requireDigest(subject, 'subject', 'This referrer');
    await context.images.putManifest(bytes, told);
    return {};
  });

  endpointRoute(app, 'imagePrune', async (call) => {
    requireValid(PruneBody, call.body, 'body', 'This pruning');
    return pruneStore(context.images, {
      ...call.body,
      keep: () => imagesInUse(context.objects),
      now: Date.now,
    });
  });
}

function digestOf(body: unknown, what: string): Digest {
  requireValid(DigestBody, body, 'body', what);
  return requireDigest(body.digest, 'digest', what);
}

function requireDigest(text: string, field: string, what: string): Digest {
  if (isDigest(text)) return text;
  refuse([{ field, problem: 'must be sha256: and 64 hexadecimal digits' }], what);
  throw new Error('refuse let a digest through');
}
