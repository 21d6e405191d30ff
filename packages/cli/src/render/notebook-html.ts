/**
 * An executed notebook as one HTML file. Everything in it is a stranger's: text is escaped, images are only PNG and JPEG as data,
 * HTML and scripts of outputs are left out, and a policy forbids the page to load or run anything (nbconvert would pass HTML on).
 */
export function notebookHtml(notebook: unknown, title: string): string {
  const cells = (notebook as { cells?: readonly Cell[] }).cells ?? [];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;
padding:.6rem .8rem;border-radius:6px;margin:.3rem 0}.source{background:#f3f5f8}.output{border-left:3px solid #c9d3df}.error{border-left:3px solid #b3261e;background:#fdf1f0}
.number{color:#5b6b7d;font-size:13px;margin-top:1rem}img{max-width:100%}</style></head><body><h1>${escape(title)}</h1>
${cells.map(cellHtml).join('\n')}
</body></html>
`;
}

interface Cell {
  readonly cell_type?: string;
  readonly source?: string | readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly Output[];
}

interface Output {
  readonly output_type?: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
  readonly traceback?: readonly string[];
}

function cellHtml(cell: Cell): string {
  const source = escape(join(cell.source));
  if (cell.cell_type !== 'code') return `<pre>${source}</pre>`;
  const outputs = (cell.outputs ?? []).map(outputHtml).join('');
  return `<div class="number">In [${cell.execution_count ?? ' '}]</div><pre class="source">${source}</pre>${outputs}`;
}

function outputHtml(output: Output): string {
  if (output.output_type === 'error')
    return `<pre class="error">${escape(plain((output.traceback ?? []).join('\n')))}</pre>`;
  if (output.text !== undefined) return `<pre class="output">${escape(plain(join(output.text)))}</pre>`;
  for (const type of ['image/png', 'image/jpeg']) {
    const data = join(output.data?.[type]).replace(/\s/g, '');
    if (/^[A-Za-z0-9+/]+=*$/.test(data)) return `<img alt="output" src="data:${type};base64,${data}">`;
  }
  const text = join(output.data?.['text/plain']);
  return text === '' ? '' : `<pre class="output">${escape(plain(text))}</pre>`;
}

function join(text: string | readonly string[] | undefined): string {
  return typeof text === 'string' ? text : (text ?? []).join('');
}

/** Without the colours of terminals. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- ANSI escape sequences start with a control character
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
