import { isDigest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { parseDurationMs } from '@galley/api/kind/duration';
import { parseBytes, parseCpus } from '@galley/api/kind/quantity';
import { imageNameOf, type Build } from '@galley/api/kind/build';
import type { BuildOptions, SourceSpec } from '@galley/build/build';
import type { Reveal } from '@galley/build/secret/secret-use';

/** Where the build takes its repository from. Throws `SECRET_NOT_FOUND`. */
export function sourceOf(build: Build, reveal: Reveal): SourceSpec {
  const { git, archive, contextDir } = build.spec.snapshot.source;
  if (git !== undefined) {
    return {
      kind: 'git',
      url: git.url,
      ref: git.ref ?? '',
      contextDir: contextDir ?? '',
      ...(git.submodules === undefined ? {} : { submodules: git.submodules }),
      ...(git.secret === undefined ? {} : { secret: reveal(git.secret) }),
    };
  }
  const digest = archive?.digest !== undefined && isDigest(archive.digest) ? archive.digest : undefined;
  if (archive?.url !== undefined) {
    return {
      kind: 'url',
      url: archive.url,
      digest,
      contextDir: contextDir ?? '',
      secret: archive.secret === undefined ? undefined : reveal(archive.secret),
    };
  }
  if (digest !== undefined) return { kind: 'archive', digest, origin: archive?.origin };
  throw new GalleyError('OBJECT_INVALID', `Build ${build.metadata.name} has no source.`, {
    hint: 'galley deploy',
  });
}

/** The build's options. What the object does not say stays open: galley.yaml says it, else the default. */
export function optionsOf(build: Build, reveal: Reveal): BuildOptions {
  const { snapshot, allowedIndexes } = build.spec;
  const settings = snapshot.build ?? {};
  const limits = settings.resources?.limits ?? {};
  return {
    name: imageNameOf(build),
    project: build.metadata.namespace,
    notebooks: settings.notebooks ?? [],
    strategy: settings.strategy,
    model: settings.model,
    python: settings.python ?? '',
    modernise: settings.modernise,
    asOf: settings.asOf,
    ...(allowedIndexes === undefined ? {} : { allowedIndexes }),
    memoryBytes: read(limits.memory, parseBytes),
    cpus: read(limits.cpu, parseCpus),
    cellTimeoutMs: read(settings.cellTimeout, parseDurationMs),
    timeoutMs: read(settings.timeout, parseDurationMs),
    eventTimeColumn: snapshot.monitor?.eventTimeColumn,
    egressHosts: snapshot.egress?.hosts ?? [],
    secrets: snapshot.secrets ?? [],
    reveal,
  };
}

function read(text: string | undefined, parse: (text: string) => number | undefined): number | undefined {
  return text === undefined ? undefined : parse(text);
}
