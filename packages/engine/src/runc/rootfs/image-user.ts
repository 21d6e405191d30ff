import { parseImageUser, type ImageUser } from '@galley/image/facts/image-user';
import { readInside } from './place-files.ts';

/** Who `user` is in the mounted root filesystem `root`, as the image's own files say. Throws `IMAGE_INVALID`. */
export async function findUserInside(root: string, user: string): Promise<ImageUser> {
  const [passwd, group] = await Promise.all([
    readInside(root, '/etc/passwd'),
    readInside(root, '/etc/group'),
  ]);
  return parseImageUser(user, { passwd, group });
}
