/** An error of the bootstrap: what happened, how to mend it, and what to type next. */
export class BootstrapError extends Error {
  /**
   * @param {string} message a sentence: what happened
   * @param {{ fix?: string, command?: string, output?: string, exitCode?: number }} [options]
   *   `fix`: a sentence; `command`: one line to copy; `output`: the last lines of what failed;
   *   `exitCode`: 2 the user must act, 3 (default) the machine must change, 128+n a signal
   */
  constructor(message, options = {}) {
    super(message);
    this.name = 'BootstrapError';
    this.fix = options.fix;
    this.command = options.command;
    this.output = options.output;
    this.exitCode = options.exitCode ?? 3;
  }

  /** The whole error as it is printed, with a newline at the end. */
  text() {
    const parts = [];
    if (this.output) parts.push(this.output.trimEnd(), '');
    parts.push(`galley: ${this.message}`);
    if (this.fix) parts.push(this.fix);
    if (this.command) parts.push('', `    ${this.command}`, '');
    return `${parts.join('\n')}\n`;
  }
}
