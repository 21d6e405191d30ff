import { countOf } from '@galley/api/kind/count';
import { buildBase, type Base } from '../base/build-base.ts';
import { planBase } from '../base/plan-base.ts';
import { makeSystemLayer, type SystemLayer } from '../system/system-layer.ts';
import type { BuildWork } from './build-work.ts';

/** A base with the Debian packages of the repository over it. */
export interface SystemBase extends Base {
  readonly system: SystemLayer;
}

const nothing: SystemLayer = { layers: [], packages: [], notSetUp: [], cached: true };

/** The bases of one build: made when first asked for, each once. */
export class Bases {
  readonly #work: BuildWork;
  readonly #signal: AbortSignal;
  readonly #made = new Map<string, Promise<SystemBase>>();

  constructor(work: BuildWork, signal: AbortSignal) {
    this.#work = work;
    this.#signal = signal;
  }

  of(python: string): Promise<SystemBase> {
    const known = this.#made.get(python) ?? this.#make(python);
    this.#made.set(python, known);
    return known;
  }

  /** Nothing of it runs any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#made.values());
  }

  async #make(python: string): Promise<SystemBase> {
    const { object, options, phases, recipe, workDir } = this.#work;
    const { systemPackages } = recipe;
    const { carried } = this.#work.context;
    if (carried !== undefined) {
      return phases.run('base', (end) => {
        end({
          state: 'skipped',
          reason: `${carried.base.suite}, Python ${carried.base.pythonFull}, of the bundle`,
        });
        return Promise.resolve(carried.base);
      });
    }
    const context = { ...this.#work.context, signal: this.#signal };
    const base = await phases.run('base', async (end) => {
      const made = await buildBase(await planBase(python), { ...context, object });
      end({ state: made.cached ? 'skipped' : 'done', reason: `${made.suite}, Python ${made.pythonFull}` });
      return made;
    });
    if (systemPackages.length === 0) return { ...base, system: nothing };
    return phases.run('system', async (end) => {
      const system = await makeSystemLayer(systemPackages, base, {
        context,
        object,
        project: options.project,
        application: options.name,
        workDir,
      });
      end({
        state: system.cached ? 'skipped' : 'done',
        reason: countOf(system.packages.length, 'Debian package'),
      });
      return { ...base, system };
    });
  }
}
