import { answerInvalid } from './answer-error.ts';

/** Manifests, tokens and error texts are small; registries themselves refuse manifests above this (engine.md §4). */
export const smallBytesMax = 4 << 20;

/** A small body as bytes. Throws `REGISTRY_ANSWER_INVALID` as soon as it is larger than `bytesMax`. */
export async function readSmall(
  registry: string,
  body: AsyncIterable<Uint8Array>,
  bytesMax: number = smallBytesMax,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax)
      throw answerInvalid(registry, `sent more than ${bytesMax} bytes where a small answer belongs`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A small body as text. */
export async function readSmallText(registry: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  return (await readSmall(registry, body)).toString('utf8');
}
