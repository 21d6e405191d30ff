import { digestHex, isDigest } from '@galley/api/digest';
import { layerRole } from '../facts/layer-role.ts';
import type { ImageContents } from '../facts/packages.ts';
import type { Image } from '../image.ts';
import { packageUrl } from '../sbom/package-url.ts';
import { statementOf, type Statement } from '../signature/statement.ts';

const provenancePredicate = 'https://slsa.dev/provenance/v1';

/** What a record of the build knows and the image does not say. */
export interface BuildFacts {
  /** `default/iris-3`. */
  readonly id: string;
  /** An address without credentials, where the source came from one. */
  readonly sourceUrl?: string;
  readonly sourceRef?: string;
  /** RFC 3339. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** What the notebook was allowed to reach. */
  readonly egressHosts: readonly string[];
  /** What the build kept: report, executed notebook, reference, by name. */
  readonly records: Readonly<Record<string, string>>;
}

export interface ProvenanceInput {
  readonly image: Image;
  /** What the image is called. */
  readonly name: string;
  readonly contents: ImageContents;
  readonly build?: BuildFacts | undefined;
}

interface Resource {
  readonly name?: string;
  readonly uri?: string;
  readonly digest?: Readonly<Record<string, string>>;
}

/**
 * The provenance of an image that Galley built (slsa.dev/spec/v1.0/provenance). Only what is known: a time or an address that no record holds
 * is left out rather than made up. Pure.
 */
export function makeProvenance({ image, name, contents, build }: ProvenanceInput): Statement {
  const label = (key: string): string | undefined => image.config.config.Labels?.[key];
  const source = label('dev.galley.source');
  const commit = label('org.opencontainers.image.revision');
  const digests = {
    ...(source === undefined ? {} : digestSet(source)),
    ...(commit === undefined ? {} : { gitCommit: commit }),
  };
  const own: Resource[] = [
    {
      name: 'source',
      ...(build?.sourceUrl === undefined ? {} : { uri: withRef(build.sourceUrl, build.sourceRef) }),
      ...(Object.keys(digests).length === 0 ? {} : { digest: digests }),
    },
    ...resource('base packages', label('dev.galley.base')),
    ...resource('python packages', label('dev.galley.lock')),
    ...resource('candidate image', label('dev.galley.candidate')),
  ];
  const packages = contents.packages.map((one): Resource => ({
    uri: packageUrl(one, contents.distribution),
  }));
  return statementOf({ digest: image.digest, name }, provenancePredicate, {
    buildDefinition: {
      buildType: 'https://galley.dev/build/v1',
      externalParameters: {
        source: own[0],
        ...(build === undefined ? {} : { egressHosts: build.egressHosts }),
      },
      internalParameters: internal(image),
      resolvedDependencies: [...own, ...packages],
    },
    runDetails: {
      builder: { id: 'https://galley.dev/builder/v1' },
      ...(build === undefined ? {} : { metadata: metadataOf(build), byproducts: byproducts(build) }),
    },
  });
}

/** What decided the image besides its source, and the layers that came of it. */
function internal(image: Image): Readonly<Record<string, unknown>> {
  const labels = Object.entries(image.config.config.Labels ?? {}).filter(([key]) =>
    key.startsWith('dev.galley.'),
  );
  return {
    platform: `${image.config.os}/${image.config.architecture}`,
    labels: Object.fromEntries(labels),
    layers: image.layers.map((layer) => {
      const { role, from } = layerRole(layer.createdBy);
      return { digest: layer.descriptor.digest, role, from };
    }),
  };
}

function metadataOf(build: BuildFacts): Readonly<Record<string, unknown>> {
  return {
    invocationId: build.id,
    ...(build.startedAt === undefined ? {} : { startedOn: build.startedAt }),
    ...(build.endedAt === undefined ? {} : { finishedOn: build.endedAt }),
  };
}

function byproducts(build: BuildFacts): readonly Resource[] {
  return Object.entries(build.records).map(([name, digest]) => ({ name, digest: digestSet(digest) }));
}

function resource(name: string, digest: string | undefined): readonly Resource[] {
  return digest === undefined ? [] : [{ name, digest: digestSet(digest) }];
}

function digestSet(text: string): Readonly<Record<string, string>> {
  return isDigest(text) ? { sha256: digestHex(text) } : {};
}

function withRef(url: string, ref: string | undefined): string {
  return `git+${url}${ref === undefined || ref === '' ? '' : `@${ref}`}`;
}
