import parse from 'spdx-expression-parse';

/** True for an SPDX licence expression: `MIT`, `Apache-2.0 OR MIT`. What packages write is mostly none: `BSD 3-Clause`, whole texts. */
export function isLicenceExpression(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
