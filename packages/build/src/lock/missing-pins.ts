import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import PQueue from 'p-queue';
import { findUv } from '../command/host-programs.ts';
import { openHttp } from '../download/http.ts';
import { pinOf, type Requirement } from '../recipe/requirement.ts';
import { readIndexConfiguration } from './index-configuration.ts';
import { listIndexFiles } from './index-files.ts';
import type { LockRequest } from './lock-request.ts';
import { availabilityOf } from './wheel-availability.ts';

/** A pin that has wheels for other Pythons and none for this one. */
export interface MissingPin {
  readonly requirement: Requirement;
  readonly version: string;
  readonly pythons: readonly string[];
  /** The next newer and the next older version that fit, then the newest. */
  readonly nearest: readonly string[];
}

/**
 * All pins of a request that have no wheel for its Python, where uv names only the first. Asked of the index only once resolving has
 * failed. Throws `INDEX_UNREACHABLE`.
 */
export async function missingPins(
  request: LockRequest,
  options: { readonly cacheDir: string; readonly signal?: AbortSignal | undefined },
): Promise<readonly MissingPin[]> {
  const { signal } = options;
  const index = await readIndexConfiguration(await findUv(), {
    cacheDir: join(options.cacheDir, 'uv'),
    signal,
  });
  const http = openHttp();
  const queue = new PQueue({ concurrency: 8 });
  const pins = [...request.requirements, ...request.running, ...request.constraints].flatMap(
    (requirement) => {
      const version = pinOf(requirement);
      return version === undefined ? [] : [{ requirement, version }];
    },
  );
  try {
    const found = await Promise.all(
      pins.map(({ requirement, version }) =>
        queue.add(async (): Promise<readonly MissingPin[]> => {
          const files = (await listIndexFiles(index.url, requirement.name, { http, signal })) ?? [];
          const { fits, hasWheels, pythons, nearest } = availabilityOf(
            files,
            version,
            request.target,
            request.asOf,
          );
          return fits || !hasWheels ? [] : [{ requirement, version, pythons, nearest }];
        }),
      ),
    );
    return found.flat();
  } finally {
    await http.close();
  }
}

/**
 * One error for all pins without a wheel: which Pythons have all of them, and which versions are nearest here. `cause`: what the resolver
 * said, told when it is no pin that lacks a wheel.
 */
export function explainMissingPins(
  missing: readonly MissingPin[],
  context: { readonly python: string; readonly tried: readonly string[]; readonly cause: GalleyError },
): GalleyError {
  const [first] = missing;
  if (first === undefined) return context.cause;
  const others = missing.length === 1 ? '' : ` and ${missing.length - 1} more`;
  const common = first.pythons.filter((python) => missing.every(({ pythons }) => pythons.includes(python)));
  const verb = missing.length === 1 ? 'has' : 'have';
  const nearest = missing.flatMap(({ requirement: { name }, nearest: [version] }) =>
    version === undefined ? [] : [`${name}==${version}`],
  );
  const also = context.tried.filter((python) => python !== context.python);
  return new GalleyError(
    'NO_WHEEL_FOR_PYTHON',
    `${first.requirement.name} ${first.version}${others} ${verb} no wheel for Python ${[context.python, ...also].join(', ')}.`,
    {
      hint: [
        common.length > 0
          ? `${missing.length === 1 ? 'It has' : 'All of them have'} wheels for Python ${common.join(', ')}.`
          : 'No Python has wheels for all of them.',
        nearest.length === 0
          ? ''
          : `Nearest that fit Python ${context.python}: ${nearest.join(', ')}; galley build --modernise takes these.`,
        'Or change the versions, or build.python in galley.yaml.',
      ]
        .filter((part) => part !== '')
        .join(' '),
      details: {
        package: first.requirement.name,
        version: first.version,
        pythons: common,
        fits: first.nearest,
        pins: missing.map(({ requirement, version, pythons, nearest: near }) => ({
          package: requirement.name,
          version,
          from: requirement.from,
          pythons,
          nearest: near,
        })),
        tried: context.tried,
      },
      cause: context.cause,
    },
  );
}
