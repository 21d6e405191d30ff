/** A content address as OCI writes it: `sha256:` and 64 lower-case hexadecimal digits (image-spec, descriptor.md). */
export type Digest = `sha256:${string}`;

const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** True when the text is a sha256 digest; other algorithms are not used in Galley. */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/** The 64 hexadecimal digits of a digest: the file name of a blob. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The first 12 digits: what people are shown. */
export function shortDigest(digest: Digest): string {
  return digestHex(digest).slice(0, 12);
}
