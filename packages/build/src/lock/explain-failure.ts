import { GalleyError } from '@galley/api/error/galley-error';
import { normalName } from '@galley/image/wheel/metadata';
import { type Requirement } from '../recipe/requirement.ts';
import { redactUrl } from '../source/git/address.ts';

/** A package for which uv found no wheel; whether its source may be built only its index can tell. */
export interface MissingWheel {
  readonly name: string;
  /** Undefined: no version has one. */
  readonly version: string | undefined;
}

/**
 * Packages that uv could not use because it may not build, first named first. In a list of versions ("all of: …") it only excuses why
 * some of many do not help in a conflict between others: that is no missing wheel.
 */
export function missingWheels(stderr: string): readonly MissingWheel[] {
  const text = unfold(stderr);
  const found = new Map<string, MissingWheel>();
  const pattern =
    /\b(?:because|and|since|that|versions of) ([A-Za-z0-9][A-Za-z0-9._-]*?)(?:(==|>=|<=|~=|>|<)([A-Za-z0-9.*!+-]+)[^ ]*)? ha(?:s|ve) no (?:usable wheels|wheels with a matching)/gi;
  for (const match of text.matchAll(pattern)) {
    const name = normalName(match[1] ?? '');
    if (!found.has(name)) found.set(name, { name, version: match[2] === '==' ? match[3] : undefined });
  }
  return [...found.values()];
}

/** What uv says when it fails for another reason, as an error of ours that names where the requirement stands. */
export function explainFailure(stderr: string, requirements: readonly Requirement[]): GalleyError {
  const text = unfold(stderr);
  const unknown =
    /([A-Za-z0-9][A-Za-z0-9._-]*) was not found in the (?:package registry|provided package locations)/.exec(
      text,
    );
  if (unknown !== null) return packageNotFound(unknown[1] ?? '', requirements);
  const cause = new Error(redactUrl(stderr).trim().slice(-4000));
  if (/Failed to fetch|error sending request|Request failed|dns error|certificate/i.test(text)) {
    const host = /for url \(?https?:\/\/(?:[^@/\s]*@)?([^/\s)]+)/.exec(text)?.[1];
    return new GalleyError(
      'INDEX_UNREACHABLE',
      `The package index${host === undefined ? '' : ` at ${host}`} does not answer.`,
      {
        hint: 'Check the network and proxy of this machine; pip and uv settings are honoured. What was fetched is kept.',
        cause,
      },
    );
  }
  const python =
    /(?:does not satisfy|requires?) Python\s*([<>=!~][^\s,]*)[\s\S]*?([A-Za-z0-9._-]+)==([A-Za-z0-9.]+) depends on/.exec(
      text,
    );
  if (python !== null) {
    return new GalleyError('NO_WHEEL_FOR_PYTHON', `${python[2]} ${python[3]} needs Python ${python[1]}.`, {
      hint: 'Choose another Python in galley.yaml under build.python, or another version of the package.',
      details: { package: python[2], version: python[3], python: python[1] },
      cause,
    });
  }
  const absent = /there is no version of ([A-Za-z0-9._-]+)([<>=!~]\S+)/.exec(text);
  return new GalleyError(
    'RESOLUTION_FAILED',
    absent === null
      ? 'No set of versions satisfies all requirements.'
      : `There is no version of ${absent[1]} that is ${absent[2]}${whereFrom(absent[1] ?? '', requirements)}.`,
    { hint: 'Loosen one of the versions that the cause names.', cause },
  );
}

/** `PACKAGE_NOT_FOUND` with where it was asked for. */
export function packageNotFound(name: string, requirements: readonly Requirement[]): GalleyError {
  const from = whereFrom(name, requirements);
  return new GalleyError('PACKAGE_NOT_FOUND', `The package index has no ${name}${from}.`, {
    hint: 'Correct the name; the name to install may differ from the one to import (cv2 is opencv-python).',
    details: { package: name, from: from.replace(/^, which | asks for$/g, '') },
  });
}

function whereFrom(name: string, requirements: readonly Requirement[]): string {
  const requirement = requirements.find((candidate) => candidate.name === normalName(name));
  return requirement === undefined ? '' : `, which ${requirement.from} asks for`;
}

/** uv wraps and indents its sentences; one line each makes them readable to a pattern. */
function unfold(stderr: string): string {
  return stderr.replace(/\s+/g, ' ');
}
