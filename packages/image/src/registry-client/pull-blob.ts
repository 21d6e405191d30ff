import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import type { ImageStore } from '../store.ts';
import { answerInvalid, unreachable } from './answer-error.ts';
import { waitMs } from './back-off.ts';
import { textHeader, type RegistryAnswer } from './exchange.ts';
import { pullScope } from './manifest-exchange.ts';
import type { Registry } from './registry.ts';

/** Who wants a blob, of which repository, and who is told of the bytes. */
export interface PullBlob {
  readonly registry: Registry;
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Fetches one blob into the store, verified by size and digest; a connection that breaks goes on where it was. Throws `DIGEST_MISMATCH`,
 * `REGISTRY_*`; nothing half-fetched is kept.
 */
export async function pullBlob(store: ImageStore, pull: PullBlob): Promise<void> {
  const { descriptor, registry } = pull;
  await store.write(blobBytes(pull), {
    mediaType: descriptor.mediaType,
    expect: descriptor.digest,
    ...(registry.signal === undefined ? {} : { signal: registry.signal }),
  });
}

/**
 * The bytes of a blob as one stream over as many connections as it takes. The reader hashes what it gets, so going on is asking for the rest:
 * nothing has to be read twice. The budget of tries is for tries that bring nothing.
 */
async function* blobBytes(pull: PullBlob): AsyncGenerator<Uint8Array> {
  const { registry, descriptor, onBytes } = pull;
  const { pace, signal } = registry;
  let offset = 0;
  let failures = 0;
  while (offset < descriptor.size) {
    const before = offset;
    let failure: unknown;
    try {
      for await (const chunk of rest(pull, offset)) {
        offset += chunk.byteLength;
        if (offset > descriptor.size) {
          throw answerInvalid(
            registry.name,
            `sends more than the ${descriptor.size} bytes of ${descriptor.digest}`,
          );
        }
        onBytes(chunk.byteLength);
        yield chunk;
      }
      if (offset === descriptor.size) return;
    } catch (error) {
      if (signal?.aborted === true || error instanceof GalleyError) throw error;
      failure = error;
    }
    failures = offset > before ? 1 : failures + 1;
    if (failures >= pace.attempts) throw brokenOff(pull, offset, failure);
    await pace.sleep(waitMs(pace, failures, undefined), signal);
  }
}

function brokenOff({ registry, descriptor }: PullBlob, offset: number, failure: unknown): Error {
  const what = `${descriptor.digest}: it broke off after ${offset} of ${descriptor.size} bytes`;
  return failure === undefined
    ? answerInvalid(
        registry.name,
        `has only ${offset} of the ${descriptor.size} bytes of ${descriptor.digest}`,
      )
    : unreachable(registry.name, what, failure);
}

/** From `offset` to the end. A registry that does not know ranges begins again, and what is known is skipped. */
async function* rest(pull: PullBlob, offset: number): AsyncGenerator<Uint8Array> {
  const answer = await ask(pull, offset);
  const isPart = answer.status === 206;
  checkLength(pull, answer, offset, isPart);
  let skip = isPart ? 0 : offset;
  for await (const piece of answer.body) {
    const chunk = piece as Buffer; // undici's body without an encoding gives buffers
    if (skip >= chunk.byteLength) {
      skip -= chunk.byteLength;
      continue;
    }
    yield skip === 0 ? chunk : chunk.subarray(skip);
    skip = 0;
  }
}

function ask({ registry, repository, descriptor }: PullBlob, offset: number): Promise<RegistryAnswer> {
  return registry.send({
    method: 'GET',
    path: `${repository}/blobs/${descriptor.digest}`,
    what: `the blob ${descriptor.digest} of ${repository}`,
    scopes: [pullScope(repository)],
    // The bytes as they are: a digest is of those, and a proxy must not pack them.
    headers: { 'accept-encoding': 'identity', ...(offset === 0 ? {} : { range: `bytes=${offset}-` }) },
    accept: offset === 0 ? [200] : [200, 206],
  });
}

/** Nothing more of it is wanted. undici tells the end as an error to whoever listens, and nobody else does. */
function abandon(answer: RegistryAnswer): void {
  answer.body.on('error', () => undefined).destroy();
}

/** A size that is wrong is said before the bytes come, not after 5 GB. */
function checkLength(pull: PullBlob, answer: RegistryAnswer, offset: number, isPart: boolean): void {
  const { registry, descriptor } = pull;
  const { digest, size } = descriptor;
  if (isPart) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(textHeader(answer.headers, 'content-range') ?? '');
    if (range !== null && Number(range[1]) === offset && (range[2] === '*' || Number(range[2]) === size))
      return;
    abandon(answer);
    throw answerInvalid(registry.name, `answers with another part of ${digest} than was asked for`);
  }
  const length = textHeader(answer.headers, 'content-length');
  if (length === undefined || Number(length) === size) return;
  abandon(answer);
  throw answerInvalid(
    registry.name,
    `says that ${digest} has ${length} bytes, where the manifest says ${size}`,
    {
      digest,
      expected: size,
    },
  );
}
