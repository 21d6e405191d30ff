"""The joint part of a reference: medians of pairs, and projections of rows whitened by the reference's covariance."""

import random

from ._category import CategoryCells
from ._numeric import BINS, NumericCells, quantile_edges
from ._pair import PairCells, medians_of
from ._projection import PROJECTIONS, TOP_CATEGORIES, Features, ProjectionCells, knots_of, labels, missing_name

RIDGE = 1e-3
SEED = 20130101  # any fixed number: the same reference must give the same directions
DIGITS = 6


def joint_of(columns, kinds, numpy):
    """(`joint` of reference.json, its streams) for {column: values} and {column: cells}. Needs numpy for projections."""
    numeric = {name: columns[name] for name, cells in kinds.items() if isinstance(cells, NumericCells)}
    medians = medians_of(numeric)
    joint = {"columns": [], "matrix": [], "offset": [], "ranks": {}, "oneHot": {}, "medians": medians}
    streams = list(PairCells(medians, numpy).streams())
    if numpy is None or not columns:
        return joint, streams
    _name_features(joint, columns, kinds)
    width = len(joint["columns"])
    if width < 2:
        return dict(joint, columns=[], ranks={}, oneHot={}), streams
    features = Features(joint)
    used = [columns[name] for name in features.columns]
    _whiten(joint, features.matrix(used, numpy), width, numpy)
    values = ProjectionCells(joint, [[0.0]] * PROJECTIONS, numpy).by_projection(used)
    for number in range(PROJECTIONS):
        edges = quantile_edges(sorted(values[number]), BINS)
        stream = {"id": "joint/projection/%d" % number, "group": "joint", "kind": "projection"}
        streams.append(dict(stream, weights=number, edges=edges, cells=labels(edges)))
    return joint, streams


def _name_features(joint, columns, kinds):
    for name, cells in kinds.items():
        values = columns[name]
        if isinstance(cells, NumericCells):
            knots = knots_of(values)
            if not knots or knots[0] == knots[-1]:
                continue
            joint["ranks"][name] = knots
            joint["columns"].append(name)
            if any(value is None for value in values):
                joint["columns"].append(missing_name(name))
        elif isinstance(cells, CategoryCells) and not cells.boolean and len(cells.categories) > 1:
            joint["oneHot"][name] = cells.categories[:TOP_CATEGORIES]
            joint["columns"].extend("%s=%s" % (name, value) for value in joint["oneHot"][name])


def _whiten(joint, filled, width, numpy):
    """Random directions in the space where the reference has unit covariance: weights and offset of each."""
    mean = filled.mean(axis=0)
    covariance = numpy.cov(filled, rowvar=False) if len(filled) > 1 else numpy.eye(width)
    covariance = covariance + numpy.eye(width) * (RIDGE * max(float(numpy.trace(covariance)), 1e-9) / width)
    lower = numpy.linalg.cholesky(covariance)
    chance = random.Random(SEED)
    directions = numpy.array([[chance.gauss(0.0, 1.0) for _ in range(width)] for _ in range(PROJECTIONS)])
    directions /= numpy.linalg.norm(directions, axis=1, keepdims=True)
    weights = numpy.linalg.solve(lower.T, directions.T).T
    joint["matrix"] = [[round(value, DIGITS) for value in line] for line in weights.tolist()]
    joint["offset"] = [round(value, DIGITS) for value in (-(weights @ mean)).tolist()]
