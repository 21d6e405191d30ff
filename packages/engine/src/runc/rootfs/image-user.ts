import { GalleyError } from '@galley/api/error/galley-error';
import { shiftCount } from '../identity.ts';
import { readInside } from './place-files.ts';

/** Who a process is, by ids inside the image. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  /** Further groups of a user whose group is not given. */
  readonly groups: readonly number[];
}

/**
 * Looks up `USER` or `USER:GROUP`, names or numbers, as Docker does: a number needs no line in /etc/passwd, and where none says the group it is
 * 0. Empty is root. The files are the image's, so what they say is held to the ids that are mapped. Throws `IMAGE_INVALID`.
 */
export async function findImageUser(root: string, text: string): Promise<ImageUser> {
  const [name = '', group] = text.split(':', 2);
  const people = (await readInside(root, '/etc/passwd')).split('\n').map((line) => line.split(':'));
  const groups = (await readInside(root, '/etc/group')).split('\n').map((line) => line.split(':'));
  const wanted = name === '' ? '0' : name;
  const person = people.find((line) => line[0] === wanted) ?? people.find((line) => line[2] === wanted);
  const uid = idOf(person?.[2] ?? wanted, text);
  if (group !== undefined) {
    const line = groups.find((known) => known[0] === group);
    return { uid, gid: idOf(line?.[2] ?? group, text), groups: [] };
  }
  const gid = person === undefined ? 0 : idOf(person[3] ?? '0', text);
  const further = groups
    .filter((line) => person !== undefined && (line[3] ?? '').split(',').includes(person[0] ?? ''))
    .map((line) => idOf(line[2] ?? '', text));
  return { uid, gid, groups: [...new Set(further)].filter((id) => id !== gid) };
}

function idOf(text: string, user: string): number {
  const id = /^\d{1,5}$/.test(text) ? Number(text) : shiftCount;
  if (id < shiftCount) return id;
  throw new GalleyError('IMAGE_INVALID', `The image has no user ${JSON.stringify(user)}.`, {
    hint: `Name a user of its /etc/passwd, or a number below ${shiftCount}.`,
    details: { user },
  });
}
