import { jsonBytesMax } from '../small-json.ts';
import { answerInvalid } from './answer-error.ts';

/** A small body as bytes: a manifest, a token, an error. Throws `REGISTRY_ANSWER_INVALID` as soon as it is larger than a manifest may be. */
export async function readSmall(registry: string, body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > jsonBytesMax)
      throw answerInvalid(registry, `sent more than ${jsonBytesMax} bytes where a small answer belongs`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A small body as text. */
export async function readSmallText(registry: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  return (await readSmall(registry, body)).toString('utf8');
}
