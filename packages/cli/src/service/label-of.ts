/** A text as a DNS label: `My Model_2` → `my-model-2`; empty: nothing of it can be in one. */
export function labelOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
}
