/** Bytes of a manifest or configuration at most: larger ones are refused, as registries do (engine.md §4). */
export const jsonBytesMax = 4 << 20;

/** The value of a JSON text; undefined: it is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
