"""32 projections of whitened rows onto reference deciles: the joint distribution of all inputs in 32 short lists of cells."""

from bisect import bisect_left, bisect_right

from ._numeric import BINS, is_finite

PROJECTIONS = 32
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
            for line, row in enumerate(rows):
                for position, value in self.features.sparse(row):
                    filled[line, position] = value
            return (filled @ self._matrix + self._offset).tolist()
        answers = []
        for row in rows:
            sums = list(self._offset)
            for position, value in self.features.sparse(row):
                for line, weight in enumerate(self._columns[position]):
                    sums[line] += weight * value
            answers.append(sums)
        return answers

    def cells(self, rows):
        """A list per row of the cell in each projection."""
        return [[cell_of(edges, value) for edges, value in zip(self._edges, line)] for line in self.values(rows)]


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


__all__ = ["BINS", "PROJECTIONS", "TOP_CATEGORIES", "ProjectionCells", "Features", "knots_of", "labels", "missing_name"]
