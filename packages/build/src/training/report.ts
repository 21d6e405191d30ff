import { isObject, type JsonObject } from '@galley/api/json-object';
import { namedFormat } from '../recipe/model/model-format.ts';
import { numberOf, textOf, textsOf } from '../workload/read-json.ts';

/** A line of report.jsonl (wire.md, run), as far as a build needs it. */
export interface ReportLine {
  readonly notebook: string;
  readonly cell: number;
  readonly state: string;
  readonly seconds: number;
  /** It did not run: an earlier run's cell was taken (wire.md, run). */
  readonly reused: boolean;
  readonly firstLine: string;
  readonly warnings: readonly string[];
  readonly error?: {
    readonly type: string;
    readonly message: string;
    readonly traceback: string;
    readonly source: string;
  };
}

/** Checks the shape of a line that hostile code may have written: whatever is odd becomes empty. */
export function parseReportLine(value: JsonObject): ReportLine {
  const error = value['error'];
  return {
    notebook: textOf(value['notebook']),
    cell: numberOf(value['cell']),
    state: textOf(value['state']),
    seconds: numberOf(value['seconds']),
    reused: value['reused'] === true,
    firstLine: textOf(value['firstLine']),
    warnings: textsOf(value['warnings']),
    ...(isObject(error)
      ? {
          error: {
            type: textOf(error['type'], 'Error'),
            message: textOf(error['message']),
            traceback: textOf(error['traceback']),
            source: textOf(error['source']),
          },
        }
      : {}),
  };
}

/** The cell that ran when the run ended without telling: started, and not ended. */
export function unfinishedCell(lines: readonly ReportLine[]): ReportLine | undefined {
  const last = lines.at(-1);
  return last?.state === 'started' ? last : undefined;
}

/** `flight-delay.ipynb cell 3`; a saved model has none. */
export function cellName(line: Pick<ReportLine, 'notebook' | 'cell'>): string {
  return namedFormat(line.notebook) === undefined ? `${line.notebook} cell ${line.cell}` : line.notebook;
}
