"""Random functions do exactly the same with their paths counted, and every run is accounted for."""

import random
import types
import warnings

import pytest

from galley_runtime._monitor import profile
from path_programs import Boom, Program, Stream, Truth

PROGRAMS = 400
RUNS = 6


def function_of(text):
    namespace = {"Boom": Boom}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, "cell-1", "exec"), namespace)
    return namespace["f"]


def plain(value):
    """A run's value without the identity of its objects."""
    if isinstance(value, Truth):
        return ("truth", value.bit, value.name)
    if isinstance(value, dict):
        return [(plain(key), plain(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (int, str, bool, type(None))) else type(value).__name__


def outcome(function, stream):
    stream.rewind()
    try:
        value = function(stream.d, stream.log)
        if isinstance(value, types.GeneratorType):
            value = list(value)
        result = ("value", plain(value))
    except Exception as error:
        result = ("raised", type(error).__name__, str(error)[:60])
    return result, list(stream.record)


@pytest.mark.parametrize("seed", range(4))
def test_counting_changes_nothing_that_a_program_does(seed, tmp_path):
    chance = random.Random(seed)
    profiled = 0
    for number in range(PROGRAMS // 4):
        text = Program(chance, 12).text
        try:
            function = function_of(text)
        except SyntaxError:  # the generator may put a `return` where Python forbids it
            continue
        streams = [Stream(random.Random((seed, number, run).__hash__()), 0.02) for run in range(RUNS)]
        before = [outcome(function, stream) for stream in streams]
        cell = {"notebook": "n.ipynb", "cell": 1, "index": 0, "source": text, "tags": [], "filename": "cell-1"}
        model = types.SimpleNamespace(predictor=function, validator=None)
        watching = profile.install(None, model, {"cells": [cell]}, str(tmp_path))
        try:
            profiled += len(watching.functions) > 0
            after = []
            for stream in streams:
                block, token = watching.enter()
                after.append(outcome(function, stream))
                watching.leave(token)
                for each, counts, _ in watching.taken(block):
                    assert all(0 <= path < each.paths for path in counts), text
        finally:
            watching.remove()
        assert after == before, text
    assert profiled > PROGRAMS // 8


def test_runs_that_differ_in_a_branch_have_different_paths(tmp_path):
    text = "def f(d, log):\n    if d(1) and d(2):\n        log(3)\n    elif d(4):\n        log(5)\n    return 1\n"
    function = function_of(text)
    cell = {"notebook": "n.ipynb", "cell": 1, "index": 0, "source": text, "tags": [], "filename": "cell-1"}
    watching = profile.install(None, types.SimpleNamespace(predictor=function, validator=None), {"cells": [cell]}, str(tmp_path))
    seen = {}
    for seed in range(60):
        stream = Stream(random.Random(seed), 0.0)
        block, token = watching.enter()
        outcome(function, stream)
        watching.leave(token)
        ((_, counts, _),) = list(watching.taken(block))
        bits = tuple((step[1], bit) for step, (bit, _) in zip([s for s in stream.record if s[0] == "d"], stream._drawn))
        seen.setdefault(bits, set()).update(counts)
    watching.remove()
    # 1 and 2; 1 not 2, then 4 or not; not 1, then 4 or not.
    assert len(seen) == 5
    assert all(len(paths) == 1 for paths in seen.values())
    assert len(set.union(*seen.values())) == 5
