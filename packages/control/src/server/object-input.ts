import { Type, type Static } from 'typebox';
import type { ApplicationSpec } from '@galley/api/kind/application';
import type { Build } from '@galley/api/kind/build';
import { GalleyError } from '@galley/api/error/galley-error';
import { secretUseProblems } from '@galley/api/kind/secret-use';
import { kinds, type KindName } from '@galley/api/kind/kinds';
import { apiVersion, dnsLabelPattern } from '@galley/api/kind/object';
import { checkArchiveUrl } from '@galley/build/source/archive/url';
import { parseGitAddress } from '@galley/build/source/git/address';
import { refuse, requireValid, type FieldError } from './validate.ts';

const Texts = Type.Record(Type.String(), Type.String());

/** What a request may say of an object; what the server writes itself (uid, generation, …) is read over, as Kubernetes does it. */
const ObjectEnvelope = Type.Object({
  apiVersion: Type.Optional(Type.Literal(apiVersion)),
  kind: Type.Optional(Type.String()),
  metadata: Type.Object({
    name: Type.String({ pattern: dnsLabelPattern }),
    namespace: Type.Optional(Type.String()),
    resourceVersion: Type.Optional(Type.String()),
    labels: Type.Optional(Texts),
    annotations: Type.Optional(Texts),
  }),
  spec: Type.Object({}),
});
export type ObjectEnvelope = Static<typeof ObjectEnvelope>;

const label = new RegExp(dnsLabelPattern);

/** Checks a request's object against its kind. Throws `OBJECT_INVALID` that names the field. */
export function readObject(kind: KindName, namespace: string, body: unknown): ObjectEnvelope {
  const what = `This ${kind}`;
  requireValid(ObjectEnvelope, body, 'object', what);
  const named = `${kind} ${body.metadata.name}`;
  const errors: FieldError[] = [];
  if (!label.test(namespace)) errors.push({ field: 'metadata.namespace', problem: 'must be a DNS label' });
  if (body.kind !== undefined && body.kind !== kind) {
    errors.push({ field: 'kind', problem: `must be ${kind} on this path` });
  }
  if (body.metadata.namespace !== undefined && body.metadata.namespace !== namespace) {
    errors.push({ field: 'metadata.namespace', problem: `must be ${namespace} as in the path` });
  }
  refuse(errors, named);
  requireValid(kinds[kind].spec, body.spec, 'spec', named);
  // The line above has checked it against the kind's schema.
  if (kind === 'Application') refuse(applicationErrors(body.spec as ApplicationSpec, 'spec'), named);
  if (kind === 'Build') refuse(buildErrors(body.spec as Build['spec']), named);
  return body;
}

/** What people ask for is a build of its own: those of applications their reconcilers make. */
function buildErrors({ application, number, name, snapshot }: Build['spec']): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (name === undefined) errors.push({ field: 'spec.name', problem: 'must be there' });
  if (application !== undefined || number !== undefined) {
    const problem = 'is written by Galley itself: change the application, and it is built';
    errors.push({ field: application === undefined ? 'spec.number' : 'spec.application', problem });
  }
  return [...errors, ...applicationErrors(snapshot, 'spec.snapshot')];
}

/** Rules that a schema cannot say. `at`: where the spec lies. */
function applicationErrors(spec: ApplicationSpec, at: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { git, archive } = spec.source;
  if ((git === undefined) === (archive === undefined)) {
    errors.push({ field: `${at}.source`, problem: 'must have exactly one of git and archive' });
  }
  if (git !== undefined) errors.push(...problemOf(`${at}.source.git.url`, () => parseGitAddress(git.url)));
  if (archive?.url !== undefined) {
    const { url, digest } = archive;
    errors.push(...problemOf(`${at}.source.archive.url`, () => checkArchiveUrl(url, digest !== undefined)));
  } else if (archive !== undefined && archive.digest === undefined)
    errors.push({ field: `${at}.source.archive`, problem: 'must have a digest or a url' });
  const { min = 1, max = min } = spec.service?.replicas ?? {};
  if (max < min)
    errors.push({ field: `${at}.service.replicas.max`, problem: `must be at least min (${min})` });
  for (const { index, problem } of secretUseProblems(spec.secrets ?? [])) {
    errors.push({ field: `${at}.secrets[${index}]`, problem });
  }
  return errors;
}

/** An address that no build would take, above all one with a password in it: objects are shown to everybody of the project. */
function problemOf(field: string, check: () => unknown): readonly FieldError[] {
  try {
    check();
    return [];
  } catch (error) {
    return [{ field, problem: error instanceof GalleyError ? error.message : 'is no address of a source' }];
  }
}
