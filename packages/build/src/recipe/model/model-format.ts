/** What a saved model can be. `pickle`: also what joblib writes, compressed or not. */
export type ModelFormat = 'pickle' | 'onnx' | 'xgboost' | 'lightgbm';

/** Bytes from the start of a file that tell what it is. */
export const headBytes = 64 * 1024;

interface Sort {
  readonly format: ModelFormat;
  readonly name: RegExp;
  /** Files of this name are many other things too: without the mark inside it is no model, and nothing is wrong with it. */
  readonly common: boolean;
  readonly isOne: (head: Buffer) => boolean;
}

const sorts: readonly Sort[] = [
  { format: 'pickle', name: /\.(?:pkl|pickle|joblib)$/i, common: false, isOne: isPickle },
  // Data of SPSS end so, too.
  { format: 'pickle', name: /\.sav$/i, common: true, isOne: isPickle },
  { format: 'onnx', name: /\.onnx$/i, common: false, isOne: isOnnx },
  { format: 'xgboost', name: /\.ubj$/i, common: false, isOne: isUbj },
  { format: 'xgboost', name: /\.json$/i, common: true, isOne: isXgboostJson },
  { format: 'lightgbm', name: /\.txt$/i, common: true, isOne: isLightgbm },
];

/** Endings for a message to people. */
export const modelEndings = '.joblib, .pkl, .pickle, .sav, .onnx, .ubj and .json (XGBoost), .txt (LightGBM)';

/** What a file would be by its name, and whether files of that name are many other things too. */
export function namedFormat(
  path: string,
): { readonly format: ModelFormat; readonly common: boolean } | undefined {
  return sorts.find(({ name }) => name.test(path));
}

/** Whether its first bytes are those of what its name says. */
export function isModel(path: string, head: Buffer): boolean {
  return sorts.find(({ name }) => name.test(path))?.isOne(head) === true;
}

/** A pickle of protocol 2 and later, one of text, or what joblib compresses with (zlib, gzip, bz2, xz, lzma, lz4). */
function isPickle(head: Buffer): boolean {
  const hex = head.subarray(0, 6).toString('hex');
  if (/^(?:80[0-9a-f]|1f8b|78|425a68|fd377a585a|5d0000|04224d18)/.test(hex)) return true;
  // Protocols 0 and 1 begin with any of their instructions; all of them are text, and none begins so often as these.
  return /^[(c\]})VSIFNKMJ]/.test(head.subarray(0, 1).toString('latin1'));
}

/** A message of protobuf whose first field is the version of the format. */
function isOnnx(head: Buffer): boolean {
  return head[0] === 0x08 && (head[1] ?? 0) > 0 && (head[1] ?? 0) < 0x80;
}

function isUbj(head: Buffer): boolean {
  return head[0] === 0x7b && head.subarray(0, 64).includes('learner');
}

function isXgboostJson(head: Buffer): boolean {
  return /^\s*\{\s*"(?:learner"\s*:\s*\{|version"\s*:\s*\[[^\]]*\]\s*,\s*"learner")/.test(
    head.subarray(0, 512).toString('utf8'),
  );
}

function isLightgbm(head: Buffer): boolean {
  return /^tree\r?\nversion=v\d/.test(head.subarray(0, 64).toString('latin1'));
}
