/** The values of a response of one JSON value a line, as they arrive. Ends with the response; leaving early hangs up. */
export async function* readLines(response: Response): AsyncGenerator {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const lines = (rest + (value ?? '')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
      if (done) break;
    }
    if (rest.trim() !== '') yield JSON.parse(rest);
  } finally {
    await reader.cancel();
  }
}
