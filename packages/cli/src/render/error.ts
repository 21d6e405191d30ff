import { isErrorCode } from '@galley/api/error/codes';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Colors } from './colors.ts';
import { safeText } from './safe-text.ts';

/** An error for people: what happened, why (the chain of causes), what to do. */
export function renderError(error: unknown, colors: Colors): string {
  const lines: string[] = [];
  if (error instanceof GalleyError) {
    lines.push(`${colors.red('Error')} ${error.code}: ${safeText(error.message)}`);
    const detail = detailText(error);
    if (detail !== undefined) lines.push(indent(safeText(detail)));
  } else {
    lines.push(
      `${colors.red('Error')} INTERNAL: ${error instanceof Error ? safeText(error.stack ?? error.message) : String(error)}`,
    );
    lines.push('This is a fault in Galley. Please report it with the text above.');
  }
  for (const cause of causesOf(error)) lines.push(`  because: ${safeText(cause)}`);
  if (error instanceof GalleyError && error.hint !== undefined)
    lines.push(`${colors.bold('Next')}: ${safeText(error.hint)}`);
  return lines.join('\n');
}

/** The last error that a process of ours rendered without colours into `text`, such as a log; undefined: it says none. */
export function readRenderedError(text: string): GalleyError | undefined {
  const found = [...text.matchAll(/^Error ([A-Z_]+): (.*)$/gm)].at(-1);
  const [, code = '', message = ''] = found ?? [];
  // A stack trace of ours is no sentence for a person: its whole log says more.
  if (found === undefined || !isErrorCode(code) || code === 'INTERNAL') return undefined;
  const hint = /^Next: (.*)$/m.exec(text.slice(found.index))?.[1];
  return new GalleyError(code, message, hint === undefined ? {} : { hint });
}

/** Exit codes: 2 for the user to mend, 3 for the machine, 70 for us (sysexits' EX_SOFTWARE), 130 after Ctrl-C. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof GalleyError)) return 70;
  return { user: 2, environment: 3, bug: 70 }[error.sort];
}

/** Source and traceback of a failing cell, when the error carries them. */
function detailText(error: GalleyError): string | undefined {
  const { source, traceback } = error.details;
  const parts = [source, traceback].filter((part): part is string => typeof part === 'string' && part !== '');
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

function causesOf(error: unknown): readonly string[] {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause instanceof Error && causes.length < 8) {
    causes.push(cause.message);
    cause = cause.cause;
  }
  return causes;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  │ ${line}`)
    .join('\n');
}
