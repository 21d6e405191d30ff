import { homeLayout } from '@galley/control/owner/home';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';

/** The image store of a home, to read: whoever owns the home may go on writing (blobs never change, tags move atomically). */
export function openStore(home: string): Promise<ImageStore> {
  return openLayoutStore(homeLayout(home).images, { wipe: false });
}
