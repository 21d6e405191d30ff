import { safeLine } from './safe-text.ts';

/** What follows a column's name in the id of a second stream of it. */
const aspects: Readonly<Record<string, string>> = {
  hour: 'hour of day',
  weekday: 'day of week',
  age: 'age',
  characters: 'characters',
};

/** A stream's id in words: `input/time_hour/hour` is "time_hour, hour of day". Ids stay what they are with `-o json`. */
export function streamName({ id, group }: { readonly id: string; readonly group: string }): string {
  return safeLine(nameOf(id, group));
}

function nameOf(id: string, group: string): string {
  const rest = id.slice(id.indexOf('/') + 1);
  if (group === 'inputs') {
    const last = rest.slice(rest.lastIndexOf('/') + 1);
    const aspect = rest.includes('/') ? aspects[last] : undefined;
    return aspect === undefined ? rest : `${rest.slice(0, -last.length - 1)}, ${aspect}`;
  }
  if (group === 'joint') {
    if (rest.startsWith('pair/')) return rest.slice('pair/'.length).replace('×', ' × ');
    return rest.replace('projection/', 'whole rows, direction ');
  }
  if (group === 'paths') {
    const at = rest.lastIndexOf('#');
    return at === -1 ? rest : `${rest.slice(at + 1)}() in ${rest.slice(0, at)}`;
  }
  return id.replace('/', ' ');
}
