/** A number of things for people: `1 file`, `1,331 modules`. `noun` in the singular, with a regular plural. */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
