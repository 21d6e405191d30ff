import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Emit } from '@galley/api/event';
import type { Client } from '@galley/api/http/client';
import type { ApplicationSpec, SourceOrigin } from '@galley/api/kind/application';
import type { SourceSpec } from '@galley/build/build';
import type { SourceTree } from '@galley/build/source/source-tree';
import { openSource } from '@galley/build/source/open-source';
import type { SourceArgument } from './source-argument.ts';

/** `SourceOrigin.text` takes no more. */
const originMax = 300;

/** What a server has of a source that was read here. */
export interface UploadedSource {
  readonly archive: NonNullable<ApplicationSpec['source']['archive']>;
  /** What the reading said to people. */
  readonly warnings: readonly string[];
}

/** Reads a source here, with the means of the person whose machine it is, and uploads it as a tree. Throws what reading throws. */
export async function uploadSource(
  client: Client,
  argument: SourceArgument,
  source: SourceSpec,
  options: {
    readonly project: string;
    readonly emit: Emit;
    /** What the events are about. */
    readonly object: string;
    readonly signal: AbortSignal;
  },
): Promise<UploadedSource> {
  const spool = await mkdtemp(join(tmpdir(), 'galley-upload-'));
  const { project, object, signal, emit } = options;
  const step = 'path' in argument ? argument.path : argument.url;
  try {
    const tree = await openSource(source, { workDir: spool, cacheDir: spool, signal, emit, object });
    emit({ object, phase: 'upload', step, state: 'started' });
    await client.call('upload', {
      params: { project, digest: tree.digest },
      body: Readable.toWeb(tree.pack()) as ReadableStream,
      signal,
    });
    emit({ object, phase: 'upload', step, state: 'done', unit: 'files', done: tree.entries.length });
    await tree.dispose();
    return { archive: { digest: tree.digest, origin: originOf(tree) }, warnings: tree.warnings };
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

function originOf({ origin, commit, committedAt }: SourceTree): SourceOrigin {
  return {
    text: origin.slice(0, originMax),
    ...(commit === undefined ? {} : { commit }),
    ...(committedAt === undefined ? {} : { committedAt }),
  };
}
