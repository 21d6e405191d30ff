import type { Layer } from '@galley/image/descriptor';
import { compile, likelyModules } from '../rehearsal/bytecode.ts';
import type { BuildWork } from './build-work.ts';

/** Bytecode that is compiled while the notebooks run. */
export interface EarlyBytecode {
  /** Undefined: nothing was likely, or it failed; the rehearsal's own list is compiled then. Never rejects. */
  readonly layer: Promise<Layer | undefined>;
  /** Stops what is still at work. */
  end(): Promise<void>;
}

/**
 * Compiles what the last build loaded, on the layers of this one: with a package more, or in another repository of the project, the rehearsal most often
 * finds the same modules, and then their layer is there under its key (ADR 0113). Where it finds others, theirs are compiled as ever.
 */
export function beginBytecode(work: BuildWork, dependencies: readonly Layer[]): EarlyBytecode {
  const stop = new AbortController();
  const { context, options, settings, workDir, tree } = work;
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const compiling = {
    context: { ...context, signal },
    project: options.project,
    application: options.name,
    settings,
    workDir,
  };
  const make = async (): Promise<Layer | undefined> => {
    const modules = await likelyModules(compiling, tree);
    return modules === undefined ? undefined : (await compile(compiling, dependencies, modules)).layer;
  };
  const layer = make().catch(() => undefined);
  return {
    layer,
    async end() {
      stop.abort();
      await layer;
    },
  };
}
