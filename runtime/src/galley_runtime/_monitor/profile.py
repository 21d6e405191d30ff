"""The path profiler: which acyclic paths a request took through the model's own functions.

At load each executed cell is compiled twice, plain and instrumented (`_instrument.py`). Where the plain code of a function
equals the one that the model was loaded with, the instrumented code takes its place: the function object, its globals,
defaults and closure stay. Modules of the repository are treated the same way, now or when they are first imported.
"""

import contextvars
import importlib.machinery
import operator
import os
import sys
import types
import warnings
from collections import defaultdict
from itertools import compress

from . import _codes, _source
from ._instrument import Instrumenter
from ._reach import functions_in, functions_of
from ._syntax import BASE_EXCEPTION, GENERATOR_EXIT, SETITEM

MOST_FUNCTIONS = 500
_PART = 64  # path counts looked at together
NOTED = 20  # exceptions of one request whose line is kept; the others are counted


def install(counter, model, cells, app_dir):
    """Profiles the functions of a loaded model and returns the `Profile`; never raises.

    `counter` is told (None in a rehearsal), `model` has `predictor` and `validator`, `cells` is the content of cells.json
    or None, `app_dir` is where the repository lies. Call it once, after the model was loaded.
    """
    profile = Profile(app_dir)
    try:
        profile.use_cells(cells)
        profile.exchange(functions_of([model.predictor, model.validator]))
        for module in list(sys.modules.values()):
            profile.use_module(module)
        profile.watch_imports()
    except Exception as error:  # a service without paths is better than none
        profile.skip("(all others)", "%s: %s" % (type(error).__name__, error))
    if counter is not None:
        counter.attach(profile)
    return profile


class Block(dict):
    """Counts of one request by function. A list or dict comes into being when its function is first called."""

    __slots__ = ("_functions", "raised")

    def __init__(self, functions):
        self._functions = functions
        self.raised = []

    def __missing__(self, index):
        made = self[index] = self._functions[index].empty()
        return made


class Profiled:
    """A function whose paths are counted."""

    def __init__(self, numbered, source, fallback_lines, stream):
        self.name = numbered.name
        self.line = numbered.line
        self.paths = numbered.paths
        self.coarse = numbered.coarse
        self.stream = stream
        self.source = source
        self.hash = _source.function_hash(source, numbered.line, numbered.last_line)
        self._numbered = numbered
        self._fallback_lines = fallback_lines
        self._fallbacks = {}
        self._zeros = [0] * (self.paths + 2) if numbered.counts_in_list else None

    def empty(self):
        return self._zeros[:] if self._zeros is not None else defaultdict(int)

    def taken(self, counts):
        """({path number: times}, how often it ended by an exception)."""
        if isinstance(counts, list):
            # Every request asks this of every function, and nearly all counts are 0: `any` and `compress` pass them at C's speed.
            found = {}
            for begin in range(0, self.paths, _PART):
                part = counts[begin : min(begin + _PART, self.paths)]
                if any(part):
                    for at in compress(range(_PART), part):
                        found[begin + at] = part[at]
            return found, counts[self.paths]
        return {n: count for n, count in list(counts.items()) if n < self.paths and count}, counts.get(self.paths, 0)

    def lines(self, number):
        """Source lines of a path in the order in which they run."""
        return self._numbered.starts.lines(number)

    def answers(self, number):
        """(line, question, word) for everything that a path decides, in the order in which it does."""
        return [(place[0], self.source.segment(*place), word) for place, word in self._numbered.starts.answers(number)]

    def fallback_line(self, number):
        """The first line of a path that is marked `# galley: fallback`, or None."""
        if not self._fallback_lines:
            return None
        if number not in self._fallbacks:
            if len(self._fallbacks) > 10_000:
                self._fallbacks.clear()
            passed = [line for line in self.lines(number) if line in self._fallback_lines]
            self._fallbacks[number] = passed[0] if passed else None
        return self._fallbacks[number]

    @property
    def starts(self):
        """(first number, ways) of every place where its paths may start."""
        return self._numbered.starts.places()

    def telling_line(self, number, passed):
        """The line that tells a new path from the known ones: the first that none of them passed, else its last."""
        lines = self.lines(number)
        return next((line for line in lines if line not in passed), lines[-1] if lines else self.line)

    def place(self, line):
        """Where an event happened, as events say it (wire.md, "admin socket")."""
        text = self.source.lines[line - 1].strip() if 0 < line <= len(self.source.lines) else ""
        place = {"function": self.name, "notebook": self.source.notebook, "cell": self.source.cell, "line": line}
        if self.source.file is not None:
            place["file"] = self.source.file
        return dict(place, source=text[:500])

    def describe(self):
        """The `function` of its stream in reference.json."""
        return {
            "name": self.name,
            "notebook": self.source.notebook,
            "cell": self.source.cell,
            "file": self.source.file,
            "line": self.line,
            "hash": self.hash,
            "paths": self.paths,
        }


class Profile:
    """The functions of one process that are counted, and those that are not, with the reason."""

    def __init__(self, app_dir):
        self.functions = {}  # index -> Profiled
        self.skipped = []  # {"name", "reason"}
        self._app_dir = app_dir
        self._codes = defaultdict(list)  # (name, line) -> [(plain, counting, index or None, source)]
        self._unfit = {}  # (name, line, file name) -> reason
        self._count = 0
        self._originals = []
        self._watch = None
        self._current = contextvars.ContextVar("galley_paths", default=Block(self.functions))
        self._streams = set()

    # Compiling

    def use_cells(self, cells):
        for source in _source.cell_sources((cells or {}).get("cells", [])):
            self._use(source)

    def _use(self, source):
        """Compiles a source plain and instrumented and keeps the pairs of codes."""
        try:
            tree = source.parse()
            instrumenter = Instrumenter(self._count)
            counting_tree = instrumenter.module(tree)
            self._count += len(instrumenter.functions)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # our marks are strings that are called
                plain, counting = source.compile(tree), source.compile(counting_tree)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, AttributeError) as error:
            self.skip(source.filename, "source does not compile here: %s" % error)
            return
        fallbacks = source.fallback_lines(tree)
        known = {each.index: each for each in instrumenter.functions}
        for each in instrumenter.functions:
            if each.reason is not None:
                self._unfit[each.name.rpartition(".")[2].partition(":")[0], each.first_line, source.filename] = (
                    each.reason
                )
        marks = {SETITEM: operator.setitem, BASE_EXCEPTION: BaseException, GENERATOR_EXIT: GeneratorExit}
        for plain_code, counting_code in _codes.pairs_of(plain, counting):
            final = _codes.with_objects(counting_code, marks, self._current.get, self._note)
            if final is not counting_code:
                inside = [known[index] for index in _indexes(counting_code)]
                self._codes[plain_code.co_name, plain_code.co_firstlineno].append(
                    (plain_code, final, inside, source, fallbacks)
                )

    # Exchanging

    def exchange(self, functions):
        """Gives each function its counting code where its plain code is known."""
        for function in functions:
            code = function.__code__
            fitting = [
                entry
                for entry in self._codes.get((code.co_name, code.co_firstlineno), ())
                if _codes.same_code(entry[0], code)
            ]
            here = [entry for entry in fitting if entry[3].filename == code.co_filename]
            if not fitting:
                self._not_profiled(function)
                continue
            _, counting, inside, source, fallbacks = (here or fitting)[-1]  # a cell that ran twice: its last run
            if len(self.functions) + len(inside) > MOST_FUNCTIONS:
                self.skip(function.__qualname__, "more than %d functions" % MOST_FUNCTIONS)
                continue
            for numbered in inside:
                if numbered.index not in self.functions:
                    stream = self._stream(source, numbered)
                    self.functions[numbered.index] = Profiled(numbered, source, fallbacks, stream)
            self._originals.append((function, code))
            function.__code__ = counting

    def _stream(self, source, numbered):
        base = name = "path/%s#%s" % (source.place(), numbered.name)
        if name in self._streams:
            name = "%s@%s:%d" % (base, source.cell or 0, numbered.line)
        while name in self._streams:
            name += "'"
        self._streams.add(name)
        return name

    def _not_profiled(self, function):
        code = function.__code__
        reason = self._unfit.get((code.co_name, code.co_firstlineno, code.co_filename))
        if reason is None and code.co_name == "<lambda>":
            return  # a lambda without a branch has one path: nothing to tell apart
        self.skip(function.__qualname__, reason or "no source")

    def skip(self, name, reason):
        if len(self.skipped) < MOST_FUNCTIONS and {"name": name, "reason": reason} not in self.skipped:
            self.skipped.append({"name": name, "reason": reason})

    # Modules of the repository

    def use_module(self, module):
        if not isinstance(module, types.ModuleType):
            return
        source = _source.module_source(module, self._app_dir)
        if source is not None:
            self._use(source)
            self.exchange(functions_in(module))

    def watch_imports(self):
        self._watch = _Watch(self)
        sys.meta_path.insert(0, self._watch)

    def exchanged(self):
        """[(function, its plain code)] of what runs counting code now."""
        return list(self._originals)

    def remove(self):
        """Puts the plain codes back and stops watching imports: for measuring without, and for tests."""
        for function, code in reversed(self._originals):
            function.__code__ = code
        self._originals = []
        if self._watch in sys.meta_path:
            sys.meta_path.remove(self._watch)

    # Counting

    def enter(self):
        """(counts of a request that begins on this thread or task, token for `leave`)."""
        block = Block(self.functions)
        return block, self._current.set(block)

    def leave(self, token):
        self._current.reset(token)

    def taken(self, block):
        """(function, {path number: times}, [(exception's type, line)]) for every function that the request ran."""
        if not block:
            return
        lines = defaultdict(list)
        for index, name, line in block.raised:
            lines[index].append((name, line))
        for index, counts in list(block.items()):
            function = self.functions[index]
            found, raised = function.taken(counts)
            told = lines[index][:raised]
            yield function, found, told + [("Exception", function.line)] * (raised - len(told))

    def _note(self, index):
        current = self._current

        def note():
            try:
                raised = current.get().raised
                if len(raised) < NOTED:
                    kind, _, trace = sys.exc_info()
                    raised.append((index, kind.__name__, trace.tb_lineno))
            except Exception:
                pass  # the exception that is passing matters more

        return note

    def names(self):
        return sorted(function.stream[len("path/") :] for function in self.functions.values())


class _Watch:
    """Finds modules as usual, and has those of the repository profiled once they ran."""

    def __init__(self, profile):
        self._profile = profile

    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        origin = getattr(spec, "origin", None)
        app_dir = os.path.realpath(self._profile._app_dir) + os.sep
        if not origin or not origin.endswith(".py") or not os.path.realpath(origin).startswith(app_dir):
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            try:
                self._profile.use_module(module)
            except Exception as error:
                self._profile.skip(name, "%s: %s" % (type(error).__name__, error))

        spec.loader.exec_module = exec_module
        return spec


def _indexes(code):
    """Indexes of the functions in a counting code, its own first."""
    own = _codes.index_of(code)
    found = [] if own is None else [own]
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            found.extend(_indexes(value))
    return found
