"""The path profiler on functions that a person would write: what is numbered, decoded, exchanged, and left alone."""

import functools
import sys
import textwrap
import threading
import types

import pytest

from galley_runtime._monitor import profile
from galley_runtime._monitor._codes import same_code


class Loaded:
    """Cells that ran, as a model would hold what they bound, and the profile of them."""

    def __init__(self, tmp_path, *cells, root="f", namespace=None):
        self.namespace = {"__name__": "__main__"} if namespace is None else namespace
        described = []
        for number, text in enumerate(cells, 1):
            text = textwrap.dedent(text)
            exec(compile(text, "n.ipynb#cell=%d" % number, "exec", dont_inherit=True), self.namespace)
            described.append({"notebook": "n.ipynb", "cell": number, "source": text})
        model = types.SimpleNamespace(predictor=self.namespace[root], validator=None)
        self.profile = profile.install(None, model, {"cells": described}, str(tmp_path))

    def ask(self, *arguments, root="f"):
        """({function name: {path number: times}}, {function name: exceptions}) of one request."""
        block, token = self.profile.enter()
        try:
            self.namespace[root](*arguments)
        except Exception:
            pass
        finally:
            self.profile.leave(token)
        taken = list(self.profile.taken(block))
        return {f.name: counts for f, counts, _ in taken}, {f.name: raised for f, _, raised in taken if raised}

    def function(self, name):
        return next(f for f in self.profile.functions.values() if f.name == name)

    def lines(self, name, counts):
        return sorted(self.function(name).lines(number) for number in counts)


@pytest.fixture
def load(tmp_path):
    made = []

    def one(*cells, **options):
        made.append(Loaded(tmp_path, *cells, **options))
        return made[-1]

    yield one
    for each in made:
        each.profile.remove()


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ("return x", 1),
        ("if x: return 1\n    return 2", 2),
        ("if x and y: x = 1\n    return x", 3),
        ("return x or y or 0", 3),
        ("return 1 if x else 2 if y else 3", 3),
        ("return 0 < x < y", 2),
        ("if not (x or y): x = 1\n    return x", 3),
        ("for i in x: y = i\n    return y", 2 + 2),
        ("while x: x -= 1\n    return y", 2 + 2),
        ("for i in x:\n        if i: break\n    else: y = 1\n    return y", 3 + 3),
        ("try: y = x\n    except KeyError: y = 1\n    except ValueError: y = 2\n    return y", 3),
        ("with x: y = 1\n    return y", 2),
        ("assert x\n    return y", 1),
        ("if x: raise KeyError\n    return y", 1),
        ("return [i for i in x if i]", 1 + 2),
        ("return [i for i in x]", 1),
    ],
)
def test_a_construct_has_as_many_paths_as_ways_through_it(load, body, paths):
    loaded = load("def f(x, y):\n    %s\n" % body)
    assert loaded.function("f").paths == paths
    numbers = [number for first, ways in loaded.function("f").starts for number in range(first, first + ways)]
    assert numbers == list(range(paths))


def test_a_finally_block_gives_each_way_through_it_a_number_of_its_own(load):
    loaded = load(
        """
        def f(x, y):
            try:
                if x: return 1
            finally:
                if y: z = 1
            return 2
        """
    )
    seen = {tuple(loaded.ask(x, y)[0]["f"]) for x in (0, 1) for y in (0, 1)}
    assert len(seen) == 4


def test_numbers_decode_to_the_lines_that_ran(load):
    loaded = load("def f(x):\n    if x > 5:\n        y = 1\n    else:\n        y = 2\n    return y\n")
    assert loaded.lines("f", loaded.ask(9)[0]["f"]) == [[2, 3, 6]]
    assert loaded.lines("f", loaded.ask(1)[0]["f"]) == [[2, 5, 6]]


def test_each_iteration_is_a_path_of_its_own(load):
    loaded = load("def f(rows):\n    for row in rows:\n        if row: row = 1\n    return rows\n")
    counts = loaded.ask([0, 0, 1, 0])[0]["f"]
    assert sum(counts.values()) == 5 and sorted(counts.values()) == [1, 1, 1, 2]


def test_the_mark_of_a_fallback_belongs_to_the_line_it_stands_on_or_to_the_next(load):
    loaded = load(
        """
        def f(x):
            if x == 1:
                return 0  # galley: fallback
            if x == 2:
                # galley: fallback
                return 1
            try:
                return {}[x]
            except KeyError:  # galley: fallback
                return 2
        """
    )
    found = {x: [loaded.function("f").fallback_line(n) for n in loaded.ask(x)[0]["f"]] for x in (1, 2, 3)}
    assert found == {1: [4], 2: [7], 3: [10]}


def test_an_exception_is_counted_with_its_line_and_not_as_a_path(load):
    loaded = load(
        "def g(x):\n    return 1 / x\n\ndef f(x):\n    try:\n        return g(x)\n    except ZeroDivisionError:\n        return 0\n"
    )
    counts, raised = loaded.ask(0)
    assert raised == {"g": [("ZeroDivisionError", 2)]} and not counts["g"]
    assert sum(counts["f"].values()) == 1


def test_a_generator_that_is_closed_early_counts_as_nothing(load):
    loaded = load(
        "def g(n):\n    try:\n        for i in range(n):\n            yield i\n    finally:\n        n = 0\n\ndef f(n):\n    it = g(n)\n    next(it)\n    it.close()\n"
    )
    counts, raised = loaded.ask(3)
    assert raised == {} and counts["g"] == {}


def test_methods_closures_and_defaults_are_exchanged_and_keep_what_they_hold(load):
    loaded = load(
        """
        class Model:
            def __init__(self, scale): self.scale = scale
            def score(self, x): return x * self.scale if x else 0

        def make(bias):
            def add(x, extra=3): return x + bias + extra if x else bias
            return add

        add, model = make(10), Model(2)
        def f(x): return add(model.score(x))
        """
    )
    assert loaded.namespace["f"](1) == 15
    counts, _ = loaded.ask(1)
    assert {"f", "Model.score", "make.<locals>.add"} <= set(counts)


def test_code_is_exchanged_only_where_the_source_is_really_the_loaded_one(tmp_path):
    namespace = {"__name__": "__main__"}
    exec(compile("def f(x):\n    return 1 if x else 2\n", "n.ipynb#cell=1", "exec"), namespace)
    cell = {"notebook": "n.ipynb", "cell": 1, "source": "def f(x):\n    return 1 if x else 2.0\n"}
    code = namespace["f"].__code__
    watching = profile.install(
        None, types.SimpleNamespace(predictor=namespace["f"], validator=None), {"cells": [cell]}, str(tmp_path)
    )
    watching.remove()
    assert namespace["f"].__code__ is code
    assert watching.skipped == [{"name": "f", "reason": "no source"}]


def test_codes_are_the_same_only_with_constants_of_the_same_type():
    def code(text):
        return compile(text, "a", "exec").co_consts[0]

    assert same_code(code("def f(): return 1"), compile("\n\ndef f(): return 1", "b", "exec").co_consts[0])
    for other in ("1.0", "True", "2", "(1,)", "-0.0"):
        assert not same_code(code("def f(): return 1"), code("def f(): return " + other))
    assert not same_code(code("def f(): return 0.0"), code("def f(): return -0.0"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(x):\n    return locals() if x else 0\n", "reads its own variables with locals()"),
        ("def jit(g): return g\n@jit\ndef f(x):\n    return 1 if x else 0\n", "compiled by @jit"),
    ],
)
def test_what_is_not_profiled_says_why(load, text, reason):
    loaded = load(text)
    assert loaded.profile.skipped == [{"name": "f", "reason": reason}]
    assert "f" not in [function.name for function in loaded.profile.functions.values()]


def test_a_cell_with_a_magic_line_is_still_understood(tmp_path):
    namespace = {"__name__": "__main__"}
    body = "\ndef f(x):\n    return 1 if x else 0\n"
    exec(compile("get_ipython = None" + body, "n.ipynb#cell=1", "exec"), namespace)
    cells = {"cells": [{"notebook": "n.ipynb", "cell": 1, "source": "%matplotlib inline" + body}]}
    watching = profile.install(
        None, types.SimpleNamespace(predictor=namespace["f"], validator=None), cells, str(tmp_path)
    )
    watching.remove()
    assert watching.names() == ["n.ipynb#f"]


def test_a_function_that_a_cell_redefined_is_taken_from_the_cell_that_ran_last(load):
    loaded = load("def f(x):\n    return 1 if x else 0\n", "def f(x):\n    return 1 if x else 0\n")
    assert [f.source.cell for f in loaded.profile.functions.values()] == [2]


def test_requests_on_several_threads_do_not_mix(load):
    loaded = load("def f(x):\n    for i in range(200):\n        if x: pass\n    return x\n")
    found = []

    def work(x):
        for _ in range(30):
            found.append((x, tuple(sorted(loaded.ask(x)[0]["f"].items()))))

    threads = [threading.Thread(target=work, args=(x,)) for x in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 120 and len({counts for x, counts in found if x}) == 1
    assert len(set(found)) == 2


def test_what_runs_outside_a_request_is_not_counted_in_the_next(load):
    loaded = load("def f(x):\n    return 1 if x else 0\n")
    for _ in range(5):
        loaded.namespace["f"](0)
    counts, _ = loaded.ask(1)
    assert sum(counts["f"].values()) == 1


def test_modules_of_the_repository_are_profiled_now_and_when_they_are_first_imported(tmp_path, monkeypatch):
    (tmp_path / "galley_early.py").write_text("def now(x):\n    return 1 if x else 0\n")
    (tmp_path / "galley_late.py").write_text("class Later:\n    def at(self, x):\n        return 1 if x else 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import galley_early

    model = types.SimpleNamespace(predictor=functools.partial(galley_early.now), validator=None)
    watching = profile.install(None, model, {"cells": []}, str(tmp_path))
    try:
        import galley_late

        block, token = watching.enter()
        galley_early.now(1)
        galley_late.Later().at(0)
        watching.leave(token)
        taken = {f.stream: (f.describe()["file"], sum(c.values())) for f, c, _ in watching.taken(block)}
        assert taken == {
            "path/galley_early.py#now": ("galley_early.py", 1),
            "path/galley_late.py#Later.at": ("galley_late.py", 1),
        }
    finally:
        watching.remove()
        for name in ("galley_early", "galley_late"):
            sys.modules.pop(name, None)


def test_a_function_with_millions_of_ways_is_cut_and_stays_exact(load):
    loaded = load(
        "def f(x):\n" + "".join("    if x & %d: y = %d\n" % (1 << i, i) for i in range(40)) + "    return x\n"
    )
    function = loaded.function("f")
    assert len(function.starts) > 1 and max(ways for _, ways in function.starts) <= 1_000_000
    one, two = loaded.ask(5)[0]["f"], loaded.ask(7)[0]["f"]
    assert one != two and loaded.ask(5)[0]["f"] == one


def test_a_path_tells_what_it_decided_in_the_words_of_the_source(load):
    loaded = load(
        """
        def f(x, known):
            size = "big" if x > 5 and x != 7 else "small"
            for item in known:
                if item == "é" or x:
                    break
            while x > 0:
                x -= 10
            try:
                known[0] + 1
            except (IndexError,
                    TypeError):
                size = "none"
            return size
        """
    )
    function = loaded.function("f")

    def decided(*arguments):
        counts, _ = loaded.ask(*arguments)
        return sorted([answer[1:] for answer in function.answers(number)] for number in counts["f"])

    assert decided(7, ["é"]) == [
        [("x > 0", "no"), ("(IndexError, TypeError)", "caught")],
        [("x > 5", "yes"), ("x != 7", "no"), ("known", "next"), ('item == "é"', "yes"), ("x > 0", "yes")],
    ]
    assert function.answers(10**9) == []


def test_a_chain_of_comparisons_tells_where_it_failed(load):
    loaded = load(
        """
        def f(x):
            return "in" if 0 <= x < 10 else "out"
        """
    )
    function = loaded.function("f")

    def decided(x):
        ((number, _),) = loaded.ask(x)[0]["f"].items()
        return function.answers(number)

    assert decided(-1) == [(3, "0 <= x", "no")]
    assert [decided(5), decided(15)] == [[(3, "0 <= x < 10", "yes")], [(3, "0 <= x < 10", "no")]]
