import type { BuildContext } from '../build.ts';
import { buildBase, type Base } from '../base/build-base.ts';
import { planBase } from '../base/plan-base.ts';
import type { PhaseLog } from './phase-log.ts';

export interface BasesOptions {
  readonly context: BuildContext;
  readonly phases: PhaseLog;
  readonly object: string;
}

/** The bases of one build: made when first asked for, each once. */
export class Bases {
  readonly #options: BasesOptions;
  readonly #signal: AbortSignal;
  readonly #made = new Map<string, Promise<Base>>();

  constructor(options: BasesOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  of(python: string): Promise<Base> {
    const known = this.#made.get(python) ?? this.#make(python);
    this.#made.set(python, known);
    return known;
  }

  /** Nothing of it runs any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#made.values());
  }

  #make(python: string): Promise<Base> {
    const { context, object, phases } = this.#options;
    return phases.run('base', async (end) => {
      const made = await buildBase(await planBase(python), { ...context, object, signal: this.#signal });
      end({ state: made.cached ? 'skipped' : 'done', reason: `${made.suite}, Python ${made.pythonFull}` });
      return made;
    });
  }
}
