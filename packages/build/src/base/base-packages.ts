/**
 * What a base is asked to hold; what they depend on comes with them (engine.md §8: 51 packages, 64 MB). libgomp1 and libstdc++6
 * are what wheels link to; dash and coreutils are there for launchers and for whoever looks inside.
 */
export function basePackages(python: string): readonly string[] {
  return [
    `python${python}`,
    'base-files',
    'ca-certificates',
    'coreutils',
    'dash',
    'libgomp1',
    'libstdc++6',
    'media-types',
    'netbase',
  ];
}
