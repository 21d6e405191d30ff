import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { defaultStepLimits } from '@galley/build/build-step/build-step';
import { parseEnvironmentFile, parseVariable } from '@galley/build/s2i/environment-file';
import { readInjection } from '@galley/build/s2i/injections';
import { readBuilder } from '@galley/build/s2i/labels';
import { parseArtifacts } from '@galley/build/s2i/runtime-image';
import type { NamedImage, S2iRequest, Variables } from '@galley/build/s2i/s2i';
import type { Image } from '@galley/image/image';
import type { Input } from '../command/command.ts';
import { listOption, textOption } from '../program.ts';
import { allowedHosts } from './allowed-hosts.ts';
import type { S2iSource } from './s2i-source.ts';

export interface RequestParts {
  readonly cwd: string;
  readonly project: string;
  readonly source: S2iSource;
  /** Undefined: it is not at hand, which only a Dockerfile allows. */
  readonly builder: { readonly name: string; readonly image: Image | undefined };
  readonly runtime: NamedImage | undefined;
  readonly tag: string | undefined;
  readonly previous: Image | undefined;
}

/** The command line of `s2i build` as a request. Throws `USAGE`, and what reading files throws. */
export async function s2iRequest(
  input: Input,
  parts: RequestParts,
): Promise<Omit<S2iRequest, 'builder'> & { builder: RequestParts['builder'] }> {
  const { cwd, source, builder, runtime, tag, previous } = parts;
  // Of an image that is not at hand, as source-to-image assumes it (builders.md §1.4).
  const workingDir =
    builder.image === undefined ? '/opt/app-root/src' : readBuilder(builder.image).workingDir;
  const injections = await Promise.all(
    listOption(input, 'inject').map((text) => readInjection(text, cwd, workingDir)),
  );
  return {
    source: source.spec,
    builder,
    tag,
    project: parts.project,
    name: source.label,
    env: await readVariables(input, cwd),
    scriptsUrl: textOption(input, 'scriptsUrl') ?? textOption(input, 'scripts'),
    destination: absolute(textOption(input, 'destination') ?? textOption(input, 'location')),
    assembleUser: textOption(input, 'assembleUser'),
    assembleRuntimeUser: textOption(input, 'assembleRuntimeUser'),
    allowedUids: parseRanges(textOption(input, 'allowedUids') ?? ''),
    injections: injections.flat(),
    previous,
    incremental: input.options['incremental'] === true,
    runtime:
      runtime === undefined
        ? undefined
        : {
            ...runtime,
            artifacts: listOption(input, 'runtimeArtifact').flatMap((text) => parseArtifacts(text)),
          },
    exclude: expression(textOption(input, 'exclude')),
    displayName: textOption(input, 'applicationName'),
    description: textOption(input, 'description'),
    sourceName: source.name,
    contextDir: textOption(input, 'contextDir') ?? '',
    ref: source.ref,
    cwd,
    egressHosts: allowedHosts(input),
    limits: defaultStepLimits,
  };
}

/** Variables of `-e`, then those of the file of `-E`. */
export async function readVariables(input: Input, cwd: string): Promise<Variables> {
  const given = listOption(input, 'env').map((text) => {
    const variable = parseVariable(text);
    if (variable !== undefined) return variable;
    throw new GalleyError('USAGE', `--env ${JSON.stringify(text)} is no NAME=VALUE.`, {
      hint: '-e APP_MODULE=app:app',
    });
  });
  const file = textOption(input, 'environmentFile');
  if (file === undefined) return given;
  const content = await readFile(resolve(cwd, file), 'utf8').catch((cause: unknown) => {
    throw new GalleyError('USAGE', `The environment file ${file} cannot be read.`, {
      hint: 'Check its path.',
      cause,
    });
  });
  const { variables, odd } = parseEnvironmentFile(content, ['#', '//']);
  if (odd.length === 0) return [...given, ...variables];
  throw new GalleyError('USAGE', `${file}, line ${odd[0]} is no NAME=VALUE.`, {
    hint: 'One variable a line; # and // begin comments.',
  });
}

/** `1-`, `1000-2000,3000`, `-10`. */
function parseRanges(text: string): readonly (readonly [number, number])[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(\d*)(-?)(\d*)$/.exec(part);
      const [, low = '', dash = '', high = ''] = match ?? [];
      if (match === null || (low === '' && high === '')) {
        throw new GalleyError('USAGE', `${JSON.stringify(part)} is no range of user ids.`, {
          hint: '--allowed-uids 1-',
        });
      }
      const from = low === '' ? 0 : Number(low);
      if (dash === '') return [from, from] as const;
      return [from, high === '' ? Number.MAX_SAFE_INTEGER : Number(high)] as const;
    });
}

function absolute(path: string | undefined): string | undefined {
  if (path === undefined || /^\/[^\0:,\\]*$/.test(path)) return path;
  throw new GalleyError('USAGE', `The destination ${JSON.stringify(path)} is not absolute.`, {
    hint: '--destination /opt/s2i/destination',
  });
}

/** An expression of Go's, which for what people write here is one of JavaScript's; empty excludes nothing. */
function expression(text: string | undefined): RegExp | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new GalleyError('USAGE', `--exclude ${JSON.stringify(text)} is no regular expression.`, {
      hint: String.raw`--exclude '(^|/)\.git(/|$)'`,
      cause,
    });
  }
}
