import { expect, test } from 'vitest';
import { piecesOf, type StreamShape } from './pieces.ts';

/** The pieces as sets of cells. */
function sets(shape: StreamShape): readonly string[] {
  const { order, pieces } = piecesOf(shape);
  return pieces.map(({ from, to }) =>
    order
      .slice(from, to)
      .toSorted((a, b) => a - b)
      .join(' '),
  );
}

test('of numbers each cell, each half line and the central intervals are judged, in the order of the values', () => {
  // below, (0, 10], (10, 20], above, = 5, = 15, null: by value below, 5, bin to 10, 15, bin to 20, above.
  const found = sets({ kind: 'numeric', cells: 7, edges: [0, 10, 20], atoms: [5, 15] });
  expect(found.slice(0, 7).toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  expect(found.slice(7)).toEqual(['0 4', '0 1 4', '0 1 4 5', '0 1 2 4 5', '1 2 4 5', '1 5']);
});

test('of a pair the cells and the diagonal, of anything else the cells', () => {
  expect(sets({ kind: 'pair', cells: 4 })).toEqual(['0', '3', '1', '2', '0 3']);
  expect(sets({ kind: 'classes', cells: 3 })).toEqual(['0', '1', '2']);
});

test('a table whose edges do not fit its cells has no order', () => {
  expect(sets({ kind: 'numeric', cells: 2, edges: [0, 1, 2, 3], atoms: [] })).toEqual(['0', '1']);
});
