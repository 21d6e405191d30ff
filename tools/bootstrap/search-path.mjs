import { delimiter } from 'node:path';

/** Where Debian puts what administrators use: runc, ldconfig. A shell from `su` has them not, and dpkg refuses without. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * The folders to look for programs in: those given first, then what PATH has, then the system's own where they were left out.
 * @param {string[]} first
 * @returns {string} in the form of PATH
 */
export function searchPath(...first) {
  const present = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...first, ...present, ...systemFolders.filter((folder) => !present.includes(folder))].join(
    delimiter,
  );
}
