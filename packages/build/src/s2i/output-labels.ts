import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { s2iLabel } from './labels.ts';
import type { S2iRequest } from './s2i.ts';

/** Where `assemble` may leave labels for the image, without a leading slash (builders.md §1.1). */
export const metadataPath = 'tmp/.s2i/image_metadata.json';

/** Of keys and values together, as source-to-image has it. */
const labelBytesMax = 10_240;
const messageMax = 80;

/** What labels are made from. */
export interface LabelFacts extends Pick<
  S2iRequest,
  'contextDir' | 'description' | 'displayName' | 'ref' | 'sourceName' | 'tag'
> {
  readonly builder: { readonly name: string };
}

/** What a build says about itself. Addresses are without credentials: labels can be read by everybody who can pull. */
export function generatedLabels(request: LabelFacts, tree: SourceTree): Readonly<Record<string, string>> {
  const labels: [string, string | undefined][] = [
    [s2iLabel.description, request.description],
    [s2iLabel.displayName, request.displayName ?? request.tag],
    [`${s2iLabel.build}image`, request.builder.name],
    [`${s2iLabel.build}source-location`, request.sourceName],
    [`${s2iLabel.build}source-context-dir`, request.contextDir],
    [`${s2iLabel.build}commit.id`, tree.commit],
    [`${s2iLabel.build}commit.ref`, request.ref],
    [`${s2iLabel.build}commit.author`, tree.author],
    [`${s2iLabel.build}commit.date`, tree.committedAt],
    [`${s2iLabel.build}commit.message`, tree.subject?.slice(0, messageMax)],
    ['org.opencontainers.image.revision', tree.commit],
    ['dev.galley.kind', 's2i'],
    ['dev.galley.source', tree.digest],
    // A script may fetch what is newest today.
    ['dev.galley.reproducible', 'false'],
  ];
  return Object.fromEntries(labels.filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''));
}

/**
 * Labels that `assemble` left: `{"labels": [{"name": "value"}, …]}`. It is a stranger's: what is not text is refused. Throws `OUTPUT_INVALID`.
 */
export function parseMetadata(content: Buffer | undefined): Readonly<Record<string, string>> {
  if (content === undefined) return {};
  const labels: Record<string, string> = {};
  for (const member of listOf(content)) {
    if (typeof member !== 'object' || member === null) throw invalid('an entry is no object');
    for (const [name, value] of Object.entries(member)) {
      if (typeof value !== 'string') throw invalid(`the label ${JSON.stringify(name)} is no text`);
      labels[name] = value;
    }
  }
  return labels;
}

function listOf(content: Buffer): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (typeof value === 'object' && value !== null && 'labels' in value && Array.isArray(value.labels))
    return value.labels;
  throw invalid('it has no list "labels"');
}

/** Later ones win: base image, what the build says, what `assemble` says. Throws `OUTPUT_INVALID` above the protocol's limit. */
export function mergeLabels(
  ...all: readonly Readonly<Record<string, string>>[]
): Readonly<Record<string, string>> {
  const merged = Object.assign({}, ...all) as Record<string, string>;
  const bytes = Object.entries(merged).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (bytes <= labelBytesMax) return merged;
  throw new GalleyError(
    'OUTPUT_INVALID',
    `The labels of the image would have ${bytes} bytes; ${labelBytesMax} are allowed.`,
    { hint: `Let assemble write less to /${metadataPath}.`, details: { bytes, labelBytesMax } },
  );
}

function invalid(problem: string, cause?: unknown): GalleyError {
  return new GalleyError('OUTPUT_INVALID', `/${metadataPath} of assemble is refused: ${problem}.`, {
    hint: 'Let assemble write {"labels": [{"name": "value"}]}.',
    ...(cause === undefined ? {} : { cause }),
  });
}
