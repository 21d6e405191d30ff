/** One thing that is wrong with an image. */
export interface Finding {
  /** An `error` breaks the specification or a promise of the image; a `warning` is allowed and unwise. */
  readonly severity: 'error' | 'warning';
  /** A short name of the rule, stable for machines: `diff-id`, `duplicate-path`. */
  readonly rule: string;
  /** Where: `manifest.layers[3] opt/galley/env/bin/x`. */
  readonly where: string;
  /** A sentence. */
  readonly message: string;
}

/** At most this many errors and as many warnings are kept of one layer: a hostile one has millions, and its warnings must not crowd out an error. */
export const findingsMax = 100;

/** Collects findings of one place. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  error(rule: string, message: string, path?: string): void {
    this.#add('error', rule, message, path);
  }

  warning(rule: string, message: string, path?: string): void {
    this.#add('warning', rule, message, path);
  }

  #add(severity: Finding['severity'], rule: string, message: string, path: string | undefined): void {
    if (this.list.filter((one) => one.severity === severity).length >= findingsMax) return;
    const where = path === undefined ? this.#where : `${this.#where} ${path}`;
    this.list.push({ severity, rule, where, message });
  }
}
