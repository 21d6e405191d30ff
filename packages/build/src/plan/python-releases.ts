/** When each Python was first released: before that day no package had wheels for it. */
const releases: Readonly<Record<string, string>> = {
  '3.6': '2016-12-23',
  '3.7': '2018-06-27',
  '3.8': '2019-10-14',
  '3.9': '2020-10-05',
  '3.10': '2021-10-04',
  '3.11': '2022-10-24',
  '3.12': '2023-10-02',
  '3.13': '2024-10-07',
  '3.14': '2025-10-07',
};

/** The candidates that there were at a date first, otherwise in their own order. Pure. */
export function inOrderOfDate(candidates: readonly string[], asOf: string | undefined): readonly string[] {
  if (asOf === undefined) return candidates;
  const wasThere = (python: string): boolean => (releases[python] ?? '') <= asOf;
  return [...candidates.filter(wasThere), ...candidates.filter((python) => !wasThere(python))];
}
