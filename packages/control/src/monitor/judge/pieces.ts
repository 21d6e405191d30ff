/** A set of cells whose share is judged: from `from` to before `to`, in the order of `PiecesOf.order`. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

/** What is judged of a stream. */
export interface PiecesOf {
  /** Cells by index, so ordered that each piece is one run of them. */
  readonly order: readonly number[];
  readonly pieces: readonly Piece[];
}

/** What decides the pieces of a stream. */
export interface StreamShape {
  readonly kind: string;
  readonly cells: number;
  /** Of a stream of numbers: edges of its bins, and single values with cells of their own. */
  readonly edges?: readonly number[] | undefined;
  readonly atoms?: readonly number[] | undefined;
}

/**
 * Each cell; where values have an order also each half line and the central intervals, which gather small moves of many cells; of a
 * pair its diagonal, which is what a correlation moves.
 */
export function piecesOf(shape: StreamShape): PiecesOf {
  if (shape.kind === 'pair' && shape.cells === 4) {
    // low low, high high, then the mixed ones.
    return { order: [0, 3, 1, 2], pieces: [...single(4), { from: 0, to: 2 }] };
  }
  const line = lineOf(shape);
  const rest = Array.from({ length: shape.cells }, (_, cell) => cell).filter((cell) => !line.includes(cell));
  return { order: [...line, ...rest], pieces: [...single(shape.cells), ...runs(line.length)] };
}

function single(cells: number): readonly Piece[] {
  return Array.from({ length: cells }, (_, from) => ({ from, to: from + 1 }));
}

/** Half lines and central intervals of so many cells in a row, without those that are a single cell. */
function runs(length: number): readonly Piece[] {
  const halves = Array.from({ length: Math.max(0, length - 2) }, (_, index) => ({ from: 0, to: index + 2 }));
  const central: Piece[] = [];
  for (let from = 1; length - 2 * from >= 2; from += 1) central.push({ from, to: length - from });
  return [...halves, ...central];
}

/**
 * The cells of numbers by their order: below the range, bins and single values, above it (docs/design/wire.md: `cells` has them in the
 * order below, bins, above, single values). Empty for a stream whose cells have no order.
 */
function lineOf({ cells, edges = [], atoms = [] }: StreamShape): readonly number[] {
  const bins = edges.length - 1;
  if (bins < 1 || bins + 2 + atoms.length > cells) return [];
  const placed = [
    ...Array.from({ length: bins }, (_, bin) => ({ cell: bin + 1, at: edges[bin + 1] ?? 0 })),
    ...atoms.map((at, index) => ({ cell: bins + 2 + index, at })),
  ];
  return [0, ...placed.sort((a, b) => a.at - b.at || b.cell - a.cell).map(({ cell }) => cell), bins + 1];
}
