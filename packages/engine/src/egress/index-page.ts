import type { IndexFile } from './index-files.ts';

/** The media type of the simple repository API in JSON (PEP 691). */
export const simpleJson = 'application/vnd.pypi.simple.v1+json';

/** The page of a project as a workload sees it: every file lies on this index itself. */
export function renderJson(project: string, files: readonly IndexFile[]): string {
  return JSON.stringify({
    meta: { 'api-version': '1.0' },
    name: project,
    files: files.map((file) => ({
      filename: file.filename,
      url: filePath(project, file.filename),
      hashes: file.hashes,
      ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
      ...(file.yanked === undefined ? {} : { yanked: file.yanked }),
      ...(file.metadata === undefined
        ? {}
        : { 'core-metadata': file.metadata, 'dist-info-metadata': file.metadata }),
    })),
  });
}

/** The same as HTML (PEP 503), for installers that know no JSON. */
export function renderHtml(project: string, files: readonly IndexFile[]): string {
  const anchors = files.map((file) => {
    const sha256 = file.hashes['sha256'];
    const attributes = [
      `href="${filePath(project, file.filename)}${sha256 === undefined ? '' : `#sha256=${sha256}`}"`,
      ...(file.requiresPython === undefined
        ? []
        : [`data-requires-python="${escapeHtml(file.requiresPython)}"`]),
      ...(file.yanked === undefined
        ? []
        : [`data-yanked="${file.yanked === true ? '' : escapeHtml(String(file.yanked))}"`]),
      ...(file.metadata === undefined ? [] : [`data-core-metadata="${metadataText(file.metadata)}"`]),
    ];
    return `<a ${attributes.join(' ')}>${escapeHtml(file.filename)}</a><br>`;
  });
  return `<!DOCTYPE html>\n<html><head><title>${project}</title></head><body>\n${anchors.join('\n')}\n</body></html>\n`;
}

function filePath(project: string, filename: string): string {
  return `/files/${project}/${encodeURIComponent(filename)}`;
}

function metadataText(metadata: Readonly<Record<string, string>> | boolean): string {
  const sha256 = typeof metadata === 'object' ? metadata['sha256'] : undefined;
  return sha256 === undefined ? 'true' : `sha256=${sha256}`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
