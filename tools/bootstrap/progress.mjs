import { stripVTControlCharacters } from 'node:util';

/** How often a terminal's line is drawn again, and how often a line is printed where there is no terminal. */
const terminalMs = 500;
const plainMs = 10_000;

/**
 * Shows on stderr that a step is under way: one line drawn over and over on a terminal, a line every ten seconds elsewhere
 * (so that no log is silent for a minute).
 * @param {string} title
 * @param {() => string} [counter] how far it is, such as "40 of 117 packages"
 */
export function progress(title, counter) {
  const out = process.stderr;
  const terminal = out.isTTY;
  const started = Date.now();
  let last = '';
  const state = () => {
    const seconds = Math.round((Date.now() - started) / 1000);
    return [`${seconds} s`, counter?.() ?? last].filter(Boolean).join(' · ');
  };
  const draw = () => {
    const text = `galley: ${title} · ${state()}`;
    if (terminal) out.write(`\r\x1b[2K${text.slice(0, (out.columns ?? 80) - 1)}`);
    else out.write(`${text}\n`);
  };
  if (terminal) draw();
  else out.write(`galley: ${title}\n`);
  const timer = setInterval(draw, terminal ? terminalMs : plainMs);
  return {
    /** Takes a piece of the command's output; its last line is shown where there is no counter. */
    line(chunk) {
      // The command's colours would break our own line.
      const lines = stripVTControlCharacters(chunk)
        .split(/[\r\n]+/)
        .filter((text) => text.trim() !== '');
      last = lines.at(-1)?.trim() ?? last;
    },
    /** Ends the display, with the time that it took. */
    end(ok) {
      clearInterval(timer);
      if (terminal) out.write('\r\x1b[2K');
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      out.write(`galley: ${title} · ${ok ? 'done' : 'failed'} after ${seconds} s\n`);
    },
  };
}
