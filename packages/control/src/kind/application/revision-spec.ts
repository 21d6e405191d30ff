import type { ApplicationSpec, GalleyYaml } from '@galley/api/kind/application';
import type { ApplicationBuild } from '@galley/api/kind/build';
import type { Revision } from '@galley/api/kind/revision';
import { mergeSecretUses } from '@galley/build/secret/secret-use';

/** What a revision runs with: the object over the repository's galley.yaml (DESIGN.md §2: flag > object > file). */
export function revisionSpec(
  build: ApplicationBuild,
  spec: ApplicationSpec,
  number: number,
): Revision['spec'] | undefined {
  const { image, records, settings } = build.status;
  const monitor = { ...settings?.monitor, ...spec.monitor };
  if (image === undefined) return undefined;
  return {
    application: build.spec.application,
    build: build.metadata.name,
    number,
    image,
    service: mergeService(settings?.service, spec.service),
    egressHosts: [...new Set([...(settings?.egress?.hosts ?? []), ...(spec.egress?.hosts ?? [])])],
    secrets: [...mergeSecretUses(settings?.secrets, spec.secrets)],
    ...(Object.keys(monitor).length === 0 ? {} : { monitor }),
    records,
  };
}

type Service = NonNullable<GalleyYaml['service']>;

/** Field by field, so that an object that sets replicas leaves the file's limits alone. */
function mergeService(file: Service | undefined, object: Service | undefined): Service {
  const limits = { ...file?.resources?.limits, ...object?.resources?.limits };
  const requests = { ...file?.resources?.requests, ...object?.resources?.requests };
  const env = { ...file?.env, ...object?.env };
  const replicas = { ...file?.replicas, ...object?.replicas };
  const schema = object?.schema ?? file?.schema;
  return {
    ...(schema === undefined ? {} : { schema }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(Object.keys(replicas).length === 0 ? {} : { replicas }),
    ...(Object.keys({ ...limits, ...requests }).length === 0 ? {} : { resources: { limits, requests } }),
  };
}
