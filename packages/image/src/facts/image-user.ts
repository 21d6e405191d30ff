import { GalleyError } from '@galley/api/error/galley-error';

/** Who a process of an image is, by ids inside. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  /** Further groups of a user whose group is not given. */
  readonly groups: readonly number[];
  /** Undefined: /etc/passwd does not know the user. */
  readonly home: string | undefined;
}

/** As many ids as a container has (engine.md §1.2). */
const idsMax = 65_536;

/**
 * Looks up `USER` or `USER:GROUP`, names or numbers, as Docker does: a number needs no line in /etc/passwd, and where none says the group it is
 * 0. Empty is root. Both files are an image's, so what they say is held to the ids that there are. Throws `IMAGE_INVALID`.
 */
export function parseImageUser(text: string, files: { passwd: string; group: string }): ImageUser {
  const [name = '', group] = text.split(':', 2);
  const people = files.passwd.split('\n').map((line) => line.split(':'));
  const groups = files.group.split('\n').map((line) => line.split(':'));
  const wanted = name === '' ? '0' : name;
  const person = people.find((line) => line[0] === wanted) ?? people.find((line) => line[2] === wanted);
  const uid = idOf(person?.[2] ?? wanted, text);
  const home = person?.[5]?.startsWith('/') === true ? person[5] : undefined;
  if (group !== undefined) {
    const line = groups.find((known) => known[0] === group);
    return { uid, gid: idOf(line?.[2] ?? group, text), groups: [], home };
  }
  const gid = person === undefined ? 0 : idOf(person[3] ?? '0', text);
  const further = groups
    .filter((line) => person !== undefined && (line[3] ?? '').split(',').includes(person[0] ?? ''))
    .map((line) => idOf(line[2] ?? '', text));
  return { uid, gid, groups: [...new Set(further)].filter((id) => id !== gid), home };
}

function idOf(text: string, user: string): number {
  const id = /^\d{1,5}$/.test(text) ? Number(text) : idsMax;
  if (id < idsMax) return id;
  throw new GalleyError('IMAGE_INVALID', `The image has no user ${JSON.stringify(user)}.`, {
    hint: `Name a user of its /etc/passwd, or a number below ${idsMax}.`,
    details: { user },
  });
}
