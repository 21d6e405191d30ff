import type { ErrorCode } from '@galley/api/error/codes';
import type { ReportLine } from './report.ts';

/** Why a saved model could not be loaded, in its workload. `error`: what loading it raised. Pure. */
export function explainModelFile(
  model: string,
  error: Pick<NonNullable<ReportLine['error']>, 'type' | 'message'>,
  guessed: boolean,
): { readonly code: ErrorCode; readonly message: string; readonly hint: string } {
  const said = `${error.type}: ${error.message.split('\n')[0] ?? ''}`;
  if (error.type === 'ModuleNotFoundError' || error.type === 'ImportError') {
    const module = /No module named '([^']+)'/.exec(error.message)?.[1]?.split('.')[0];
    const why = guessed ? 'Its requirements were guessed from the file; write' : 'Write';
    return {
      code: 'MODULE_MISSING',
      message: `${model} needs ${module ?? 'a module'}, which no requirement brings: ${said}`,
      hint: `${why} the package into requirements.txt beside it. A module of your own must lie there too: galley deploy FOLDER.`,
    };
  }
  // What a class was called, or had, in another version of its library.
  const isVersion = /^(?:AttributeError|KeyError|TypeError|ValueError)$/.test(error.type);
  return {
    code: 'MODEL_FILE_INVALID',
    message: `${model} cannot be loaded: ${said}`,
    hint: isVersion
      ? 'Most likely it was saved with other versions: write those into requirements.txt beside it (scikit-learn==1.5.2), and the Python into runtime.txt (python-3.11).'
      : 'Look whether it was copied whole, and whether it can be loaded where it was saved.',
  };
}
