import { formatDuration } from '@galley/api/kind/duration';
import { parseReportLine, type ReportLine } from '@galley/build/training/report';
import { isObject } from '@galley/api/json-object';
import { safeLine } from './safe-text.ts';
import { table } from './table.ts';

/** What every cell of a run did, a table a notebook. `lines`: those of report.jsonl as the run wrote them, so anything. */
export function describeReport(lines: readonly unknown[]): string {
  const report = lines.filter(isObject).map(parseReportLine);
  if (report.length === 0)
    return 'The run has no cells: it did not start, or the training was reused from an earlier build.';
  const notebooks = [...new Set(report.map(({ notebook }) => notebook))];
  return notebooks
    .map((notebook) =>
      describeNotebook(
        notebook,
        report.filter((line) => line.notebook === notebook),
      ),
    )
    .join('\n\n');
}

function describeNotebook(notebook: string, report: readonly ReportLine[]): string {
  const rows = report
    .filter((line) => line.state !== 'started')
    .map((line) => [
      String(line.cell),
      line.reused ? 'reused' : safeLine(line.state),
      formatDuration(line.seconds * 1000),
      safeLine(line.firstLine).slice(0, 72),
    ]);
  const notes = report.flatMap(({ cell, warnings, error }) => [
    ...warnings.map((warning) => `cell ${cell}: warning: ${safeLine(warning)}`),
    ...(error === undefined ? [] : [`cell ${cell}: ${safeLine(`${error.type}: ${error.message}`)}`]),
  ]);
  const body = table(['CELL', 'STATE', 'TIME', 'FIRST LINE'], rows, ['right', 'left', 'right']);
  return [`Notebook ${safeLine(notebook)}`, body, ...notes].join('\n');
}
