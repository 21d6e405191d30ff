import { GalleyError } from '@galley/api/error/galley-error';
import { isLocalAddress } from './loopback.ts';

/** More are a loop, or as good as one. */
export const redirectsMax = 5;

/**
 * Where a registry sends us, from a `Location` that may be relative. Refused: other schemes than HTTP, names and passwords in the address, from
 * HTTPS to HTTP, and from elsewhere to an address of this machine or its metadata server (engine.md §4, builders.md §8.8). A name that
 * resolves to such an address is not noticed here. Throws `REGISTRY_REDIRECT`.
 */
export function locationOf(registry: string, from: URL, location: string | undefined): URL {
  if (location === undefined || location === '') throw refused(registry, 'it does not say where to go on');
  let target: URL;
  try {
    target = new URL(location, from);
  } catch {
    throw refused(registry, 'it sends us to what is no address');
  }
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw refused(registry, `it sends us to ${target.protocol}`);
  }
  if (target.username !== '' || target.password !== '')
    throw refused(registry, 'its address holds a password');
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw refused(registry, `it sends us from HTTPS to plain HTTP at ${target.host}`);
  }
  if (isLocalAddress(target.hostname) && !isLocalAddress(from.hostname)) {
    throw refused(registry, `it sends us to ${target.host}, which is this machine`);
  }
  target.hash = '';
  return target;
}

/** The error of a redirection that is not followed. */
export function refused(registry: string, problem: string): GalleyError {
  return new GalleyError('REGISTRY_REDIRECT', `A redirection of ${registry} is not followed: ${problem}.`, {
    hint: 'Ask whoever runs the registry; the name of the image may be misspelt.',
    details: { registry },
  });
}
