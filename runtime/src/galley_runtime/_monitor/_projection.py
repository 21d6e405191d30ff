"""32 projections of whitened rows onto reference deciles: the joint distribution of all inputs in 32 short lists of cells."""

from bisect import bisect_left, bisect_right

from ._numeric import is_finite

PROJECTIONS = 32
DECIMALS = (
    6  # edges are values of reference rows: the last bits of a sum depend on its order and must not decide a cell
)
KNOTS = 64
TOP_CATEGORIES = 16


class Features:
    """Turns a row into numbers: normal score of the reference rank, missing as 0 with its indicator, categories one-hot."""

    def __init__(self, joint):
        self._numeric = []
        self._one_hot = {}
        self.names = list(joint["columns"])
        index = {name: position for position, name in enumerate(self.names)}
        scores = normal_scores(KNOTS)
        for name, knots in joint["ranks"].items():
            self._numeric.append((name, knots, scores, index[name], index.get(missing_name(name))))
        for column, names in joint["oneHot"].items():
            self._one_hot[column] = {value: index["%s=%s" % (column, value)] for value in names}
        self.columns = [entry[0] for entry in self._numeric] + list(self._one_hot)

    def sparse(self, row):
        """[(position, value)] of what is not zero; `row` holds a value per column of `columns`."""
        filled = []
        for (_, knots, scores, at, missing), value in zip(self._numeric, row):
            if is_finite(value):
                filled.append((at, scores[bisect_left(knots, value) + bisect_right(knots, value)]))
            elif missing is not None:
                filled.append((missing, 1.0))
        for positions, value in zip(self._one_hot.values(), row[len(self._numeric) :]):
            at = positions.get(value) if isinstance(value, str) else None
            if at is not None:
                filled.append((at, 1.0))
        return filled

    def matrix(self, columns, numpy):
        """All rows at once as a numpy matrix; `columns` holds the values of each of `columns`."""
        filled = numpy.zeros((len(columns[0]) if columns else 0, len(self.names)))
        for (_, knots, scores, at, missing), values in zip(self._numeric, columns):
            column = numpy.array([value if is_finite(value) else float("nan") for value in values], dtype=float)
            there = ~numpy.isnan(column)
            found = column[there]
            ranks = numpy.searchsorted(knots, found, "left") + numpy.searchsorted(knots, found, "right")
            filled[there, at] = numpy.array(scores)[ranks]
            if missing is not None:
                filled[~there, missing] = 1.0
        for positions, values in zip(self._one_hot.values(), columns[len(self._numeric) :]):
            for line, value in enumerate(values):
                at = positions.get(value) if isinstance(value, str) else None
                if at is not None:
                    filled[line, at] = 1.0
        return filled


class ProjectionCells:
    """The cell of each projection for rows: below the range, deciles, above it."""

    def __init__(self, joint, edges, numpy):
        self.features = Features(joint)
        self._numpy = numpy
        self._edges = edges
        width = len(self.features.names)
        if numpy is not None:
            self._matrix = numpy.array(joint["matrix"], dtype=float).reshape(len(edges), width).T.copy()
            self._offset = numpy.array(joint["offset"], dtype=float)
        else:
            rows = joint["matrix"]
            self._columns = [[row[position] for row in rows] for position in range(width)]
            self._offset = list(joint["offset"])

    def values(self, rows):
        """A list of PROJECTIONS numbers for each row."""
        if self._numpy is not None:
            filled = self._numpy.zeros((len(rows), len(self.features.names)))
            for line, row in zip(filled, rows):
                for position, value in self.features.sparse(row):
                    line[position] = value
            return (filled @ self._matrix + self._offset).round(DECIMALS).tolist()
        answers = []
        for row in rows:
            sums = list(self._offset)
            for position, value in self.features.sparse(row):
                for line, weight in enumerate(self._columns[position]):
                    sums[line] += weight * value
            answers.append([round(total, DECIMALS) for total in sums])
        return answers

    def cells(self, rows):
        """A list per row of the cell in each projection."""
        return [[cell_of(edges, value) for edges, value in zip(self._edges, line)] for line in self.values(rows)]

    def by_projection(self, columns):
        """A list per projection of the value of each row; `columns` holds the values of each of the features' columns."""
        if self._numpy is None:
            return list(zip(*self.values(list(zip(*columns)))))
        values = self.features.matrix(columns, self._numpy) @ self._matrix + self._offset
        return values.round(DECIMALS).T.tolist()

    def cells_by_projection(self, columns):
        """A list per projection of the cell of each row."""
        return [
            [cell_of(edges, value) for value in line] for edges, line in zip(self._edges, self.by_projection(columns))
        ]


def cell_of(edges, value):
    """0 below, then right-closed bins, then above."""
    if value > edges[-1]:
        return len(edges)
    if value < edges[0]:
        return 0
    return bisect_left(edges, value) or 1


def labels(edges):
    return ["< min"] + ["decile %d" % (position + 1) for position in range(len(edges) - 1)] + ["> max"]


def missing_name(column):
    return column + " is missing"


def normal_scores(knots):
    """Score of the mid-rank among `knots` quantiles, by the sum of left and right positions (0 … 2·knots)."""
    from statistics import NormalDist

    inverse = NormalDist().inv_cdf
    return [inverse((both + 1) / (2 * knots + 2)) for both in range(2 * knots + 1)]


def knots_of(values):
    """KNOTS quantiles of a column's finite values; empty when there are none."""
    ordered = sorted(value for value in values if is_finite(value))
    if not ordered:
        return []
    last = len(ordered) - 1
    return [ordered[round((step + 0.5) / KNOTS * last)] for step in range(KNOTS)]
