import { stringify } from 'yaml';
import type { OutputFormat, Result } from '../command/command.ts';

/** A command's result in the format that was asked for; undefined when there is nothing to print. */
export function renderResult(result: Result, format: OutputFormat): string | undefined {
  switch (format) {
    case 'text':
      return result.text;
    case 'json':
      return result.value === undefined ? undefined : JSON.stringify(result.value, null, 2);
    case 'yaml':
      return result.value === undefined ? undefined : stringify(result.value).trimEnd();
    case 'name':
      return result.names?.join('\n');
  }
}
