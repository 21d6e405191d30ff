import { digestHex, type Digest } from '@galley/api/digest';

/** The sorts of referrers that Galley writes and reads. */
export const artifactType = {
  cyclonedx: 'application/vnd.cyclonedx+json',
  spdx: 'application/spdx+json',
  /** An in-toto statement in a DSSE envelope, or a signature in one: what cosign from version 3 on looks for. */
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  /** What cosign up to version 2 looks for, under a tag as well. */
  signature: 'application/vnd.dev.cosign.artifact.sig.v1+json',
  /** An in-toto statement as it is, unsigned. */
  statement: 'application/vnd.in-toto+json',
} as const;

/** Says of a bundle what it states; in the manifest, so that nobody has to fetch them all. */
export const predicateAnnotation = 'dev.sigstore.bundle.predicateType';

/** The tag under which cosign up to version 2 looks for the signatures of a manifest. */
export function signatureTag(digest: Digest): string {
  return `sha256-${digestHex(digest)}.sig`;
}

/** The manifest whose signatures, or other belongings, are under such a tag; undefined: it is another tag. */
export function subjectOfTag(tag: string): Digest | undefined {
  const hex = /^sha256-([0-9a-f]{64})\.(?:sig|att|sbom)$/.exec(tag)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}
