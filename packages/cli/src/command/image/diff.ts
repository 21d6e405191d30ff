import { shortDigest } from '@galley/api/digest';
import { formatBytes } from '@galley/api/kind/quantity';
import { readImage } from '@galley/image/assemble/read-image';
import { diffImages, type ImageDifference } from '@galley/image/facts/diff-images';
import type { FileDifference } from '@galley/image/facts/diff-files';
import { safeLine } from '../../render/safe-text.ts';
import { shorten } from '../../render/shorten.ts';
import { table } from '../../render/table.ts';
import { openStore } from '../../server/open-store.ts';
import type { Command } from '../command.ts';

/** Files that are listed without --files. */
const filesShown = 15;

export const command: Command = {
  summary: 'What is different between two images: packages, sizes, files, configuration',
  description: 'Exit code 1 when anything is. Times of files do not count.',
  examples: [
    'galley image diff default/iris:good default/iris:latest',
    'galley image diff 1f2e3d4c 5b6a7988 --files',
  ],
  arguments: [
    { name: 'BEFORE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    { name: 'AFTER', description: 'likewise', completes: 'image' },
  ],
  options: [
    { flags: '--files', description: `list every file, not only the ${filesShown} that differ most in size` },
  ],
  async run(input, context) {
    const store = await openStore(context.home);
    const [nameBefore = '', nameAfter = ''] = input.args;
    const before = await readImage(store, await store.resolve(nameBefore));
    const after = await readImage(store, await store.resolve(nameAfter));
    if (before.digest === after.digest) return { text: 'They are the same image.', value: { same: true } };
    const difference = await diffImages(store, before, after, context.signal);
    return {
      text: describe(difference, input.options['files'] === true),
      value: { same: false, ...difference },
      names: difference.files.map(({ path }) => path),
      exitCode: 1,
    };
  },
};

function describe(difference: ImageDifference, allFiles: boolean): string {
  const { before, after, packages, files, configuration } = difference;
  const sides = (
    [
      ['before', before],
      ['after', after],
    ] as const
  ).map(([name, one]) => [
    name,
    shortDigest(one.digest),
    formatBytes(one.sizeBytes),
    String(one.layers),
    String(one.ownLayers),
    formatBytes(one.ownBytes),
  ]);
  const shown = allFiles
    ? files
    : files.toSorted((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes)).slice(0, filesShown);
  return [
    table(['', 'DIGEST', 'SIZE', 'LAYERS', 'OWN LAYERS', 'OWN SIZE'], sides, [
      'left',
      'left',
      'right',
      'right',
      'right',
      'right',
    ]),
    ...section(
      `Packages: ${packages.length}`,
      packages.map((one) => [
        one.name,
        one.before ?? '—',
        one.after ?? '—',
        signed(one.bytes),
        one.ecosystem,
      ]),
    ),
    ...section(summary(files), shown.map(fileRow)),
    ...(shown.length < files.length
      ? [`  … and ${files.length - shown.length} more; --files lists them`]
      : []),
    ...section(
      `Configuration: ${configuration.length}`,
      configuration.map((one) => [one.name, cut(one.before), cut(one.after)]),
    ),
  ].join('\n');
}

/** Whatever an image says of itself passes here on its way to the terminal. */
function section(title: string, rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return ['', title];
  const columns = Math.max(...rows.map((row) => row.length));
  const [, ...lines] = table(
    Array.from({ length: columns }, () => ''),
    rows.map((row) => row.map(safeLine)),
  ).split('\n');
  return ['', title, ...lines.map((line) => `  ${line}`)];
}

function summary(files: readonly FileDifference[]): string {
  const count = (change: FileDifference['change']): number =>
    files.filter((one) => one.change === change).length;
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  return `Files: ${count('added')} added, ${count('removed')} removed, ${count('changed')} changed, ${signed(bytes)}`;
}

function fileRow(one: FileDifference): readonly string[] {
  const marks = { added: '+', removed: '-', changed: '~' } as const;
  return [marks[one.change], `/${one.path}`, signed(one.bytes), one.what.join(', ')];
}

function signed(bytes: number): string {
  return bytes === 0 ? '±0' : `${bytes < 0 ? '-' : '+'}${formatBytes(Math.abs(bytes))}`;
}

function cut(text: string): string {
  const tame = safeLine(text);
  return tame === '' ? '—' : shorten(tame, 40);
}
