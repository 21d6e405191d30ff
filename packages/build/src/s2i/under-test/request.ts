import { defaultStepLimits } from '../../build-step/build-step.ts';
import type { S2iRequest } from '../s2i.ts';

/** What a command line without flags asks for: a folder, a builder, where relative paths begin. A test says what it cares about on top. */
export function plainRequest<Builder>(
  source: string,
  builder: Builder,
  cwd: string,
): Omit<S2iRequest, 'builder'> & { readonly builder: Builder } {
  return {
    source: { kind: 'directory', path: source, include: [] },
    builder,
    tag: 'team/app:v1',
    project: 'tests',
    name: 'app',
    env: [],
    scriptsUrl: undefined,
    destination: undefined,
    assembleUser: undefined,
    assembleRuntimeUser: undefined,
    allowedUids: [],
    injections: [],
    previous: undefined,
    incremental: false,
    runtime: undefined,
    exclude: undefined,
    displayName: undefined,
    description: undefined,
    sourceName: source,
    contextDir: '',
    ref: '',
    cwd,
    egressHosts: [],
    limits: defaultStepLimits,
  };
}
