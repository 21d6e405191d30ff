"""Requests made in a test, a reference of such, and a counter's clock that stands still until it is moved."""

import json
import random

from galley_runtime._monitor._reference import Seen, reference_of
from galley_runtime._monitor.profile import Profile

NOW = 1_700_000_000.0


def row(chance):
    return {
        "x": chance.gauss(0, 1),
        "y": chance.gauss(0, 1),
        "kind": chance.choice("abc"),
        "flag": chance.random() < 0.3,
    }


def reference(requests=400, seed=3):
    chance = random.Random(seed)
    seen = [Seen([row(chance)], [chance.choice(["yes", "no"])], []) for _ in range(requests)]
    return json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None)))


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def ask(counter, rows, predictions=("yes",), time=None, error=None, name="r"):
    observed = counter.begin(name, time)
    observed.rows(rows)
    if error is None:
        observed.predictions(list(predictions))
    else:
        observed.failure(error)
    observed.end()


def some(many, seed=9):
    chance = random.Random(seed)
    return [row(chance) for _ in range(many)]
