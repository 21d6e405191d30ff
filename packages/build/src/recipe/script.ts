import type { Notebook, NotebookCell } from './notebook.ts';
import { inlineMetadata } from './script-metadata.ts';

/** `# %%`, `# %% title [markdown] tags=["test"]`, and `# In[3]:` of nbconvert. */
const mark = /^#\s*(?:%%(.*)|In\s*\[[ \d]*\]:?\s*)$/;

export function isScript(path: string): boolean {
  return path.endsWith('.py');
}

/**
 * A script as the runtime will run it: its cells are those of the percent format (`# %%`), without any the whole file is one. The numbers are
 * those of the run's report, so both sides split alike (`runtime/src/galley_runtime/_run/_script.py`).
 */
export function parseScript(path: string, bytes: Buffer): Notebook {
  const parts: { head: string; lines: string[] }[] = [{ head: '', lines: [] }];
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  for (const line of text.split('\n')) {
    const found = mark.exec(line);
    if (found === null) parts.at(-1)?.lines.push(line);
    else parts.push({ head: found[1] ?? '', lines: [] });
  }
  const saysSomething = parts[0]?.lines.some((line) => /^\s*[^\s#]/.test(line)) === true;
  const kept = parts.length === 1 || saysSomething ? parts : parts.slice(1);
  const code = kept.filter(({ head }) => !/\[(?:markdown|md|raw)\]/.test(head));
  return {
    path,
    inline: inlineMetadata(text),
    cells: code.map(({ lines }, index): NotebookCell => ({ cell: index + 1, source: lines.join('\n') })),
  };
}
