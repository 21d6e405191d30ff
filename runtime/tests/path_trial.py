"""`python path_trial.py FIRST HOW_MANY`: random programs, plain and counted, on whatever Python runs this. Prints what it proved.

Run by test_paths_property.py on every interpreter of the machine; it needs nothing but the runtime's own source.
"""

import collections
import os
import random
import re
import sys
import traceback
import types
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "src")]

from galley_runtime._monitor import profile  # noqa: E402
from path_programs import Boom, Program, Stream  # noqa: E402

RUNS = 8
ASKS_ONCE = sys.version_info >= (3, 10)  # 3.9's own optimiser sometimes asks for a truth twice, by the length of a jump


def load(text):
    namespace = {"Boom": Boom}
    exec(compile(text, "n.ipynb#cell=1", "exec", dont_inherit=True), namespace)
    return namespace["f"]


def run(function, stream):
    """(what came out, with the traceback's lines; what was called on the way)."""
    stream.rewind()
    try:
        value = function(stream.d, stream.log)
        if isinstance(value, types.GeneratorType):
            value = list(value)
        result = ("value", re.sub(r"0x[0-9a-f]+", "", repr(value)))
    except Exception as error:
        lines = [(frame.name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        result = ("raised", type(error).__name__, str(error), lines, repr(error.__context__), repr(error.__cause__))
    return result, [step for step in stream.record if ASKS_ONCE or step[0] != "bool"]


def logged(taken):
    """How often each `log(n)` ran, as the decoded paths say."""
    found = collections.Counter()
    for function, counts, _ in taken:
        for number, times in counts.items():
            for line in function.lines(number):
                mark = re.match(r"\s*log\((\d+)\)$", function.source.lines[line - 1])
                if mark:
                    found[int(mark.group(1))] += times
    return found


class Trial:
    def __init__(self):
        self.programs = self.runs = self.accounted = self.told_apart = 0

    def program(self, seed):
        chance = random.Random(seed)
        sort = ("any", "calm", "straight")[seed % 3]
        written = Program(
            chance, chance.randint(3, 25), calm=sort != "any", loops=sort != "straight", plain=sort == "straight"
        )
        try:
            plain, counted = load(written.text), load(written.text)
        except SyntaxError:  # what Python forbids: `break` in an `except*`, say
            return
        cell = {"notebook": "n.ipynb", "cell": 1, "source": written.text}
        model = types.SimpleNamespace(predictor=counted, validator=None)
        watching = profile.install(None, model, {"cells": [cell]}, "/nowhere")
        try:
            for skipped in watching.skipped:
                assert "compile" not in skipped["reason"] and skipped["name"] != "(all others)", (skipped, written.text)
            self.runs_of(sort, seed, chance, plain, counted, watching, written.text)
        finally:
            watching.remove()
        self.programs += 1

    def runs_of(self, sort, seed, chance, plain, counted, watching, text):
        number_of, record_of = {}, {}
        for turn in range(RUNS):
            stream = Stream(random.Random(seed * 1000 + turn), chance.choice([0, 0.05, 0.2]) if sort == "any" else 0)
            expected = run(plain, stream)
            block, token = watching.enter()
            actual = run(counted, stream)
            watching.leave(token)
            assert expected == actual, (seed, turn, expected, actual, text)
            self.runs += 1
            taken = list(watching.taken(block))
            for function, counts, _ in taken:
                assert all(0 <= number < function.paths for number in counts), (seed, text)
            told = not any(function.coarse for function in watching.functions.values())
            if sort == "any" or not told or expected[0][0] != "value":
                continue
            steps = [step for step in expected[1] if step[0] != "bool"]
            logs = collections.Counter(name for kind, name, *_ in steps if kind == "log")
            assert logged(taken) == logs, (seed, turn, logged(taken), logs, text)
            self.accounted += 1
            if sort == "straight" and len(taken[0][0].starts) == 1:  # not cut for its size
                ((number, times),) = taken[0][1].items()
                key = tuple(name for _, name in steps)
                assert times == 1 and number_of.setdefault(key, number) == number, (seed, text)
                assert record_of.setdefault(number, key) == key, (seed, text)
        self.told_apart += max(0, len(record_of) - 1)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    trial = Trial()
    first, many = int(sys.argv[1]), int(sys.argv[2])
    for seed in range(first, first + many):
        trial.program(seed)
    print("%(programs)d programs, %(runs)d runs, %(accounted)d accounted, %(told_apart)d told apart" % trial.__dict__)
