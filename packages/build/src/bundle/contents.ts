import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { SourceOrigin } from '@galley/api/kind/application';
import Type, { type Static, type TSchema } from 'typebox';
import { Errors } from 'typebox/value';

/** Media types of a bundle: an OCI artifact whose configuration is `bundle.json` (ADR 0100). */
export const bundleType = {
  artifact: 'application/vnd.galley.bundle.v1',
  contents: 'application/vnd.galley.bundle.v1+json',
  source: 'application/vnd.galley.source.v1.tar',
  wheel: 'application/vnd.pypa.wheel',
} as const;

const closed = { additionalProperties: false } as const;
/** A text that people are shown: bounded, since a stranger wrote it. */
const text = Type.String({ maxLength: 2000 });
const texts = Type.Array(text, { maxItems: 100_000 });
/** Digests become paths of blobs: nothing else may stand there. */
const digest = Type.Unsafe<Digest>(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }));
const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const pythonVersion = Type.String({ pattern: '^3\\.\\d{1,2}$' });

const layer = Type.Object(
  {
    descriptor: Type.Object(
      {
        mediaType: Type.String({ maxLength: 255 }),
        digest,
        size,
        annotations: Type.Optional(Type.Record(Type.String(), text)),
      },
      closed,
    ),
    diffId: digest,
    createdBy: text,
    tarBytes: size,
  },
  closed,
);

const wheel = Type.Object(
  {
    name: text,
    version: text,
    // A name in the wheel cache: no slash, no `..`.
    filename: Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9_.+!-]*\\.whl$', maxLength: 250 }),
    sha256,
    size,
    // Where the one who bundled it got it from is nobody's business (an index may hold credentials).
    url: Type.Literal(''),
    local: Type.Optional(Type.Boolean()),
  },
  closed,
);

const lock = Type.Object(
  {
    wheels: Type.Array(wheel, { maxItems: 5000 }),
    serving: texts,
    changes: Type.Optional(
      Type.Array(Type.Object({ name: text, from: text, to: text, where: text, why: text }, closed)),
    ),
  },
  closed,
);

const baseSchema = Type.Object(
  {
    layer,
    lockDigest: text,
    suite: text,
    python: pythonVersion,
    pythonFull: text,
    interpreter: Type.String({ pattern: '^/[A-Za-z0-9/._-]+$', maxLength: 250 }),
    reproducible: Type.Boolean(),
    system: Type.Object(
      {
        layers: Type.Array(layer),
        packages: Type.Array(
          Type.Object(
            {
              name: text,
              version: text,
              archive: Type.Union([Type.Literal('main'), Type.Literal('security')]),
              path: text,
              size,
              sha256,
            },
            closed,
          ),
        ),
        notSetUp: texts,
      },
      closed,
    ),
  },
  closed,
);

/** A result of a step with the key under which the build looks for it. */
function kept<Value extends TSchema>(value: Value) {
  return Type.Object({ key: sha256, value }, closed);
}

const trainingSchema = Type.Object(
  {
    layer,
    report: digest,
    executedNotebook: digest,
    model: digest,
    // The rows of a sample stay where they are (ADR 0040); the rehearsal that needed them is carried.
    sampleInfo: Type.Null(),
    madeFiles: texts,
    warnings: texts,
    // What the run read from a host is part of what is carried: whoever builds a bundle asks for exactly that run.
    reachedHosts: Type.Array(Type.Never(), { maxItems: 0 }),
  },
  closed,
);

const rehearsalSchema = Type.Object(
  {
    layer,
    reference: Type.Optional(digest),
    schema: digest,
    golden: digest,
    modules: texts,
    timing: Type.Record(Type.String(), Type.Number()),
  },
  closed,
);

/** `bundle.json`. */
export const BundleContents = Type.Object(
  {
    schema: Type.Literal('galley.dev/bundle/v1'),
    /** Of our runtime: another one makes other images. */
    runtime: sha256,
    architecture: text,
    name: Type.String({ pattern: '^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$' }),
    options: Type.Object(
      {
        notebooks: texts,
        python: text,
        modernise: Type.Optional(Type.Boolean()),
        asOf: Type.Optional(text),
        eventTimeColumn: Type.Optional(text),
        egressHosts: texts,
      },
      closed,
    ),
    source: Type.Object({ digest, origin: SourceOrigin }, closed),
    python: Type.Object({ version: pythonVersion, from: text }, closed),
    base: baseSchema,
    lock,
    tools: lock,
    postBuild: Type.Optional(
      kept(
        Type.Object(
          { layers: Type.Array(Type.Object({ role: text, layer }, closed)), warnings: texts },
          closed,
        ),
      ),
    ),
    training: kept(trainingSchema),
    rehearsal: kept(rehearsalSchema),
    bytecode: kept(layer),
    expects: Type.Object({ environment: digest, image: digest }, closed),
  },
  closed,
);
export type BundleContents = Static<typeof BundleContents>;

/** `bundle.json`, checked. `file` is what errors call the bundle. Throws `BUNDLE_INVALID`. */
export function readContents(bytes: Buffer, file: string): BundleContents {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalidBundle(file, 'its bundle.json is not JSON', cause);
  }
  const [error] = Errors(BundleContents, value);
  if (error !== undefined)
    throw invalidBundle(file, `its bundle.json is wrong at ${error.instancePath || '/'}: ${error.message}`);
  // The schema has just said so.
  return value as BundleContents;
}

/** A blob that a bundle must bring. */
export interface BundleBlob {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Of a wheel: the name that it has in the wheel cache. */
  readonly filename?: string;
}

/** The layers that are taken as they are. */
export function layersOf({
  base,
  postBuild,
  training,
  rehearsal,
  bytecode,
}: BundleContents): readonly Static<typeof layer>[] {
  return [
    base.layer,
    ...base.system.layers,
    ...(postBuild?.value.layers.map((made) => made.layer) ?? []),
    training.value.layer,
    rehearsal.value.layer,
    bytecode.value,
  ];
}

/** Every blob besides `bundle.json`, each once, in an order that follows from the contents. */
export function blobsOf(contents: BundleContents): readonly BundleBlob[] {
  const { training, rehearsal } = contents;
  const { reference, schema, golden } = rehearsal.value;
  const { report, executedNotebook, model } = training.value;
  const records = [report, executedNotebook, model, schema, golden];
  const all: readonly BundleBlob[] = [
    { mediaType: bundleType.source, digest: contents.source.digest },
    ...[...contents.lock.wheels, ...contents.tools.wheels].map((one): BundleBlob => ({
      mediaType: bundleType.wheel,
      digest: `sha256:${one.sha256}`,
      filename: one.filename,
    })),
    ...layersOf(contents).map(({ descriptor }) => ({
      mediaType: descriptor.mediaType,
      digest: descriptor.digest,
    })),
    ...[...records, ...(reference === undefined ? [] : [reference])].map((one) => ({
      mediaType: 'application/json',
      digest: one,
    })),
  ];
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()];
}

/** The error of a bundle that cannot be used as it is. */
export function invalidBundle(file: string, why: string, cause?: unknown): GalleyError {
  return new GalleyError('BUNDLE_INVALID', `${file} is no whole bundle: ${why}.`, {
    hint: 'Copy it again from where it was made, or make it anew there: galley bundle create PATH -o FILE',
    details: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}
