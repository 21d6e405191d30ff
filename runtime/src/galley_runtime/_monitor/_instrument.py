"""Instrumenting the functions of one source: a cell or a module becomes a second tree that counts paths.

The body of a function with paths reads, after:

    .c = BLOCK()[index]; .r = first number of the entry
    try: the body, adding to .r
    except BaseException: .r = the exception's slot; FUNCTION(); raise
    finally: .c[.r] += 1

`try` costs nothing until something is raised (from 3.11 on; a block push before), a bare `raise` leaves the traceback as
it was, and the one `finally` counts after any `finally` of the user's, where a `return` may still be taken back.
"""

import ast
import copy

from ._graph import Node, Starts, at_line, exit_node
from ._statements import Jumps, NotNumbered, Statements, at_all
from ._syntax import (
    BASE_EXCEPTION,
    BLOCK,
    COMPREHENSIONS,
    COUNTS,
    FUNCTION,
    FUNCTIONS,
    GENERATOR_EXIT,
    NUMBER,
    TRY_STAR,
    assign,
    at,
    branches,
    call,
    constant,
    contains,
    count_expression,
    count_statement,
    item,
    store,
)

LIST_UP_TO = 4096  # paths: a list is quicker, a dict takes no room for paths that never run
FRAME_READERS = {"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack"}
COMPILERS = {
    "jit",
    "njit",
    "vectorize",
    "guvectorize",
    "cfunc",
    "stencil",
    "script",
    "pjit",
    "tf.function",
    "torch.compile",
}


class Numbered:
    """One function of the source: its name and place, and either its numbers or why it has none."""

    def __init__(self, index, name, node):
        self.index = index
        self.name = name
        self.line = node.lineno
        self.first_line = min([node.lineno] + [each.lineno for each in getattr(node, "decorator_list", ())])
        self.last_line = getattr(node, "end_lineno", node.lineno)
        self.reason = None
        self.starts = Starts()
        self.has_items = False
        self.coarse = False  # some statement has too many ways by itself: what it decides is not told apart

    @property
    def paths(self):
        return self.starts.total

    @property
    def counts_in_list(self):
        return self.paths <= LIST_UP_TO and not self.has_items


class Instrumenter(ast.NodeTransformer):
    """Transforms a module's tree. `functions` lists what it met, also what a repeated walk left unused."""

    def __init__(self, first_index=0):
        self.functions = []
        self._first = first_index
        self._scope = []

    def module(self, tree):
        return ast.fix_missing_locations(self.visit(tree))

    def generic_visit(self, node):
        new = copy.copy(node)
        for field, old in ast.iter_fields(node):
            if isinstance(old, list):
                setattr(new, field, list(old))
        return super().generic_visit(new)

    def visit_FunctionDef(self, node):
        new = self.definition(node)
        new = copy.copy(new)
        new.args = self.visit(new.args)
        new.decorator_list = [self.visit(each) for each in new.decorator_list]
        return new

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        new = self.definition(node)
        new.decorator_list = [self.visit(each) for each in new.decorator_list]
        return new

    def visit_Lambda(self, node):
        return self.lambda_(node)

    def definition(self, node):
        """A function or class with its insides instrumented; decorators, defaults and bases are left to the caller."""
        self._scope.append(node.name)
        try:
            if isinstance(node, ast.ClassDef):
                new = copy.copy(node)
                new.body = [self.visit(statement) for statement in node.body]
                return new
            return self._function(node)
        finally:
            self._scope.pop()

    def _function(self, node):
        known = self._meet(".".join(self._scope), node)
        known.reason = _reason(node)
        scope, self._scope = self._scope, self._scope + ["<locals>"]
        try:
            if known.reason is None:
                return self._numbered(node, known)
        except NotNumbered as error:
            known.reason = str(error)
        except RecursionError:
            known.reason = "nested too deep"
        finally:
            self._scope = scope
        return node

    def _numbered(self, node, known):
        work = Numbering(self, known.starts)
        has_doc = ast.get_docstring(node, clean=False) is not None
        body, doc = (node.body[1:], node.body[:1]) if has_doc else (node.body, [])
        entry, body = work.walk(body, exit_node(), Jumps(exit_node()))
        first = known.starts.add(entry)
        work.finish()
        known.has_items, known.coarse = work.has_items, work.coarse
        slot = known.paths
        raised = [assign(NUMBER, constant(slot)), ast.Expr(call(FUNCTION + str(known.index))), _again()]
        handlers = [ast.ExceptHandler(type=constant(BASE_EXCEPTION), name=None, body=raised)]
        if _is_generator(node):  # closed before its end: neither a path nor a failure
            closed = [assign(NUMBER, constant(slot + 1)), _again()]
            handlers.insert(0, ast.ExceptHandler(type=constant(GENERATOR_EXIT), name=None, body=closed))
        whole = ast.Try(body=body or [ast.Pass()], handlers=handlers, orelse=[], finalbody=[count_statement()])
        new = copy.copy(node)
        begin = [assign(COUNTS, _block(known.index)), assign(NUMBER, constant(first))]
        new.body = doc + at_all(begin + [whole], node)
        return new

    def lambda_(self, node):
        """A lambda that decides something is counted; what it raises counts in the function that called it."""
        self._scope.append("<lambda>")
        try:
            deciding = branches(node.body) or any(isinstance(part, COMPREHENSIONS) for part in ast.walk(node.body))
            if not deciding:
                return node
            known = self._meet(".".join(self._scope) + ":%d" % node.lineno, node)
            known.reason = _reason(node)
            if known.reason is not None:
                return node
            work = Numbering(self, known.starts)
            entry, body = work.value(node.body, exit_node())
            if entry.ways == 1 and not work.late_starts:
                known.reason = "one path"
                return node
            first = known.starts.add(at_line(entry, node.body.lineno))
            work.finish()
            known.has_items, known.coarse = work.has_items, work.coarse
        finally:
            self._scope.pop()
        parts = [
            ast.NamedExpr(store(COUNTS), _block(known.index)),
            ast.NamedExpr(store(NUMBER), constant(first)),
            body,
            count_expression(NUMBER),
        ]
        new = copy.copy(node)
        answer = item(ast.Tuple(elts=parts, ctx=ast.Load()), constant(2))
        new.body = at(answer, node.body)
        return new

    def _meet(self, name, node):
        known = Numbered(self._first + len(self.functions), name, node)
        self.functions.append(known)
        return known


class Numbering(Statements):
    """The numbering of one function."""

    blind = False

    def __init__(self, instrumenter, starts):
        self._instrumenter = instrumenter
        self.starts = starts
        self.late_starts = []
        self.has_items = self.coarse = False
        self._names = 0

    def fresh(self, prefix):
        self._names += 1
        return ".%s%d" % (prefix, self._names)

    def inner_definition(self, node):
        return self._instrumenter.definition(node)

    def inner_lambda(self, node):
        return self._instrumenter.lambda_(node)

    def finish(self):
        """Comprehensions start after everything else, and never at 0: their first number is used as a truth."""
        if self.late_starts and self.starts.total == 0:
            self.starts.add(Node(1))
        for first, node in self.late_starts:
            first.value = self.starts.add(node)


def _block(index):
    return item(call(BLOCK + str(index)), constant(index))


def _again():
    return ast.Raise(exc=None, cause=None)


def _reason(node):
    for decorator in getattr(node, "decorator_list", ()):
        name = _dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if name and (name in COMPILERS or name.split(".")[-1] in COMPILERS or name.split(".")[0] == "numba"):
            return "compiled by @" + name
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            name = (_dotted(part.func) or "").split(".")[-1]
            if name in FRAME_READERS:
                return "reads its own variables with %s()" % name
    if not isinstance(node, ast.Lambda) and TRY_STAR and contains(node.body, TRY_STAR):
        return "except*"
    return None


def _dotted(node):
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return owner + "." + node.attr if owner else node.attr
    return node.id if isinstance(node, ast.Name) else None


def _is_generator(node):
    todo = list(node.body)
    while todo:
        part = todo.pop()
        if isinstance(part, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(part, FUNCTIONS + (ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(part))
    return isinstance(node, ast.AsyncFunctionDef)
