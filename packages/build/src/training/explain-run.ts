import { GalleyError, type ErrorDetails } from '@galley/api/error/galley-error';
import type { ErrorCode } from '@galley/api/error/codes';
import type { WorkloadStatus } from '@galley/engine/engine';
import type { IgnoreRule } from '../source/source-tree.ts';
import { explainModelFile } from './explain-model-file.ts';
import { cellName, unfinishedCell, type ReportLine } from './report.ts';

/** What is known of a run that did not end with a model. */
export interface FailedRun {
  readonly application: string;
  readonly status: WorkloadStatus;
  /** Of the control group: processes that were killed for memory. */
  readonly oomKills: number;
  readonly lines: readonly ReportLine[];
  readonly outcome: string;
  readonly message: string;
  readonly candidates: readonly unknown[];
  readonly refused: readonly string[];
  /** What the run was allowed to reach. */
  readonly allowedHosts: readonly string[];
  readonly missingFiles: readonly string[];
  /** For a missing file, the rule of .gitignore that keeps it back. */
  readonly ignored: ReadonlyMap<string, IgnoreRule>;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly timeoutMs: number;
  readonly cellTimeoutMs: number;
  readonly guessedRequirements: boolean;
  /** The saved model that was loaded; undefined: notebooks ran. */
  readonly model?: string | undefined;
  readonly stderr: readonly string[];
  /** Digests of what was kept of the run. */
  readonly records: Readonly<Record<string, string>>;
}

/** Why a run failed, as the one error that a person can act on. Pure. */
export function explainRun(run: FailedRun): GalleyError {
  const failed = run.lines.findLast((line) => line.error !== undefined);
  const open = unfinishedCell(run.lines);
  return (
    explainMemory(run, open ?? failed) ??
    explainTime(run, open ?? failed) ??
    explainDisk(run, open ?? failed) ??
    (failed === undefined ? undefined : explainCell(run, failed)) ??
    explainOutcome(run) ??
    killed(run, open)
  );
}

function explainMemory(run: FailedRun, line: ReportLine | undefined): GalleyError | undefined {
  const died = line?.error?.type === 'KernelDied' || line?.error === undefined;
  const told = line?.error?.message.includes('more memory than the limit') === true;
  if (run.status.reason !== 'OOMKilled' && !told && !(died && run.oomKills > 0)) return undefined;
  const limit = formatBytes(run.memoryBytes);
  const where = line === undefined ? 'The notebook' : cellName(line);
  return fail(run, 'NOTEBOOK_OUT_OF_MEMORY', `${where} used more memory than its limit of ${limit}.`, {
    hint: `Raise it in galley.yaml (build: {resources: {limits: {memory: ${formatBytes(run.memoryBytes * 2)}}}}), or load less at once.`,
    details: { ...cellDetails(line), memoryBytes: run.memoryBytes },
  });
}

function explainTime(run: FailedRun, line: ReportLine | undefined): GalleyError | undefined {
  const where = line === undefined ? 'The notebook' : cellName(line);
  if (run.outcome === 'timeout') {
    return fail(run, 'CELL_TIMEOUT', `${where} ran longer than ${run.cellTimeoutMs / 1000} s.`, {
      hint: 'Make it faster, or raise build.cellTimeout in galley.yaml.',
      details: cellDetails(line),
    });
  }
  if (run.status.reason !== 'Timeout') return undefined;
  return fail(
    run,
    'BUILD_TIMEOUT',
    `The run took longer than ${run.timeoutMs / 1000} s; ${where} was running.`,
    {
      hint: 'Make it faster, or raise build.timeout in galley.yaml.',
      details: cellDetails(line),
    },
  );
}

function explainDisk(run: FailedRun, line: ReportLine | undefined): GalleyError | undefined {
  const isFull = run.status.reason === 'DiskFull' || /\[Errno (?:28|122)\]/.test(line?.error?.message ?? '');
  if (!isFull) return undefined;
  const where = line === undefined ? 'The notebook' : cellName(line);
  return fail(
    run,
    'NOTEBOOK_DISK_FULL',
    `${where} wrote more than its limit of ${formatBytes(run.diskBytes)}.`,
    {
      hint: 'Remove what is not needed any more within the notebook, or read data from where it lives with --allow HOST:PORT.',
      details: { ...cellDetails(line), diskBytes: run.diskBytes },
    },
  );
}

function explainCell(run: FailedRun, line: ReportLine): GalleyError | undefined {
  const { error } = line;
  if (error === undefined) return undefined;
  const where = cellName(line);
  const details = cellDetails(line);
  const denied = explainEgress(run, line, error);
  if (denied !== undefined) return denied;
  for (const [path, rule] of run.ignored) {
    return fail(
      run,
      'FILE_IGNORED',
      `${where} needs ${path}, which ${rule.file} line ${rule.line} (${rule.pattern}) keeps back.`,
      {
        hint: `Take it along: galley deploy --include '${path}', or remove the rule.`,
        details: { ...details, path, rule },
      },
    );
  }
  if (run.model !== undefined) {
    const { code, message, hint } = explainModelFile(run.model, error, run.guessedRequirements);
    return fail(run, code, message, {
      hint,
      details: { model: run.model, traceback: error.traceback.slice(-20_000) },
    });
  }
  if (error.type === 'ModuleNotFoundError' || error.type === 'ImportError')
    return moduleMissing(run, line, error.message);
  if (error.type === 'StdinNotImplementedError' || /raw_input was called|input\(\)/.test(error.message)) {
    return fail(run, 'INPUT_ASKED', `${where} asks for input, and nobody sits at a build.`, {
      hint: 'Bind the value in a cell with the tag parameters, or read it from a secret.',
      details,
    });
  }
  return fail(run, 'NOTEBOOK_FAILED', `${where} failed: ${error.type}: ${error.message.split('\n')[0]}`, {
    hint: `Correct the cell; galley report build/${run.application} shows the whole run.`,
    details: { ...details, traceback: error.traceback.slice(-20_000) },
  });
}

/** A host that nobody allowed, or one that was allowed and leads into the operator's own network. A host that is allowed and does not answer is the cell's affair. */
function explainEgress(
  run: FailedRun,
  line: ReportLine,
  error: NonNullable<ReportLine['error']>,
): GalleyError | undefined {
  const allowed = new Set(run.allowedHosts.map((entry) => entry.toLowerCase()));
  const host = [...run.status.refusedHosts, ...run.refused.filter((entry) => !allowed.has(entry))][0];
  if (host === undefined || !looksLikeNetwork(error, run)) return undefined;
  const details = { ...cellDetails(line), host };
  if (allowed.has(host)) {
    return fail(
      run,
      'EGRESS_DENIED',
      `${cellName(line)} wanted to reach ${host}, which is allowed, but leads to a private address.`,
      {
        hint: `Whoever runs this machine lists it, if it is meant: echo ${host} >> GALLEY_HOME/private-hosts`,
        details: { ...details, private: true },
      },
    );
  }
  return fail(run, 'EGRESS_DENIED', `${cellName(line)} wanted to reach ${host}, which is not allowed.`, {
    hint: `Allow it: galley deploy --allow ${host}, or egress: {hosts: ["${host}"]} in galley.yaml.`,
    details,
  });
}

function moduleMissing(run: FailedRun, line: ReportLine, message: string): GalleyError {
  const module = /No module named '([^']+)'/.exec(message)?.[1];
  const why = run.guessedRequirements ? 'Requirements were guessed from the imports; write' : 'Write';
  return fail(
    run,
    'MODULE_MISSING',
    `${cellName(line)} needs ${module ?? 'a module'}, which no requirement brings: ${message.split('\n')[0]}`,
    {
      hint: `${why} them down: requirements = [["${module?.split('.')[0] ?? 'name'}", ""]] in a cell, or requirements.txt.`,
      details: { ...cellDetails(line), ...(module === undefined ? {} : { module }) },
    },
  );
}

function explainOutcome(run: FailedRun): GalleyError | undefined {
  switch (run.outcome) {
    case 'noModel':
      if (run.model !== undefined)
        return fail(run, 'NO_MODEL', run.message, {
          hint: `Save the fitted model alone, or serve a script that loads the file and binds predictor to a function of rows.`,
          details: { model: run.model },
        });
      return fail(run, 'NO_MODEL', 'The notebook ran, but leaves nothing that could be served.', {
        hint: 'Bind predictor in a cell: a function of rows, or a fitted object with predict.',
        details: { message: run.message },
      });
    case 'ambiguous':
      return fail(
        run,
        'AMBIGUOUS_MODEL',
        run.message === '' ? 'The notebook leaves several models.' : run.message,
        {
          hint: 'Bind the one to serve in the last cell: predictor = NAME',
          details: { candidates: run.candidates.slice(0, 50) },
        },
      );
    case 'unpicklable':
      return fail(run, 'UNPICKLABLE_MODEL', `The predictor cannot be saved: ${run.message}`, {
        hint: 'Make what cannot be saved when predictor is called, or keep it out of what predictor refers to.',
      });
    case 'broken':
      return fail(run, 'NOTEBOOK_INVALID', run.message, {
        hint: 'Open it in Jupyter, correct it, save it and build again.',
      });
    case 'failed':
      return fail(run, 'NOTEBOOK_FAILED', run.message === '' ? 'The notebook failed.' : run.message, {
        hint: `galley report build/${run.application} shows the whole run.`,
      });
    default:
      return undefined;
  }
}

function killed(run: FailedRun, open: ReportLine | undefined): GalleyError {
  const { reason, exitCode, message } = run.status;
  const how = [reason, exitCode === undefined ? '' : `exit code ${exitCode}`, message].filter(
    (part) => (part ?? '') !== '',
  );
  const where = open === undefined ? 'The training run' : cellName(open);
  return fail(run, 'WORKLOAD_KILLED', `${where} was ended from outside: ${how.join(', ')}.`, {
    hint: `Build again; galley logs build/${run.application} shows its last lines.`,
    details: cellDetails(open),
    ...(run.stderr.length === 0 ? {} : { cause: new Error(run.stderr.slice(-20).join('\n')) }),
  });
}

/** A proxy that says no may look like many things; a cell that failed for another reason must not be explained by an earlier refusal. */
function looksLikeNetwork(error: NonNullable<ReportLine['error']>, run: FailedRun): boolean {
  if (run.refused.length > 0) return true;
  return /connect|proxy|network|timed? ?out|resolve|urlopen|socket|403|gaierror|HTTP/i.test(
    `${error.type} ${error.message}`,
  );
}

function cellDetails(line: ReportLine | undefined): ErrorDetails {
  if (line === undefined) return {};
  const { notebook, cell, error } = line;
  return { notebook, cell, ...(error === undefined ? {} : { source: error.source.slice(0, 20_000) }) };
}

function fail(
  run: FailedRun,
  code: ErrorCode,
  message: string,
  options: { hint: string; details?: ErrorDetails; cause?: unknown },
): GalleyError {
  return new GalleyError(code, message, {
    ...options,
    details: { ...options.details, records: run.records },
  });
}

function formatBytes(bytes: number): string {
  const mebi = bytes / 2 ** 20;
  return mebi >= 1024 && mebi % 1024 === 0 ? `${mebi / 1024}Gi` : `${Math.round(mebi)}Mi`;
}
