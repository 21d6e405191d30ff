/**
 * What to install for a name that is imported, where the two differ. Only unmistakable cases: a wrong guess would install a
 * stranger's package. Names that are not here are taken as they are.
 */
const distributions: Readonly<Record<string, string>> = {
  PIL: 'pillow',
  attr: 'attrs',
  bs4: 'beautifulsoup4',
  cv2: 'opencv-python-headless',
  dateutil: 'python-dateutil',
  dotenv: 'python-dotenv',
  fitz: 'pymupdf',
  Crypto: 'pycryptodome',
  OpenSSL: 'pyopenssl',
  IPython: 'ipython',
  imblearn: 'imbalanced-learn',
  jose: 'python-jose',
  jwt: 'pyjwt',
  lightgbm: 'lightgbm',
  magic: 'python-magic',
  mpl_toolkits: 'matplotlib',
  pkg_resources: 'setuptools',
  psycopg2: 'psycopg2-binary',
  serial: 'pyserial',
  skimage: 'scikit-image',
  sklearn: 'scikit-learn',
  umap: 'umap-learn',
  yaml: 'pyyaml',
};

/** What a package needs for something that a cell asks of it, though it does not say so in its own requirements. */
const companions: readonly { readonly pattern: RegExp; readonly distribution: string }[] = [
  { pattern: /\bas_frame\s*=\s*True/, distribution: 'pandas' },
  { pattern: /\bset_output\(\s*transform\s*=\s*["']pandas/, distribution: 'pandas' },
  { pattern: /\b(?:read|to)_parquet\(|\b(?:read|to)_feather\(/, distribution: 'pyarrow' },
  { pattern: /\b(?:read|to)_excel\(/, distribution: 'openpyxl' },
  { pattern: /\bread_html\(/, distribution: 'lxml' },
];

/** The distribution that brings a module of this name. */
export function distributionOf(module: string): string {
  return Object.hasOwn(distributions, module) ? (distributions[module] ?? module) : module;
}

/** Distributions that the text asks for without importing them, with the words that say so. */
export function companionsOf(
  source: string,
): readonly { readonly distribution: string; readonly because: string }[] {
  return companions.flatMap(({ pattern, distribution }) => {
    const found = pattern.exec(source);
    return found === null ? [] : [{ distribution, because: found[0] }];
  });
}
