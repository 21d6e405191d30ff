"""Small pieces of syntax tree that instrumentation puts in, and questions about the tree that is there.

Names of ours start with a dot: no source can say them, so they cannot meet the user's. Objects of ours are constants:
they are compiled as marked strings and exchanged afterwards (`_codes.py`), so nothing is looked up in the user's globals.
"""

import ast
import sys

COUNTS, NUMBER = ".c", ".r"
SETITEM, BASE_EXCEPTION, GENERATOR_EXIT = (
    "\0galley:setitem",
    "\0galley:BaseException",
    "\0galley:GeneratorExit",
)
BLOCK = "\0galley:block:"  # + index of the function: answers the lists of the request that is being scored
FUNCTION = "\0galley:function:"  # + index: notes the exception that is passing

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
WITHS = (ast.With, ast.AsyncWith)
MATCH = getattr(ast, "Match", ())
TRY_STAR = getattr(ast, "TryStar", ())


def at(node, place):
    """Gives every node without a place the place of `place`: tracebacks must read as without us."""
    for child in ast.walk(node):
        if "lineno" in child._attributes and not hasattr(child, "lineno"):
            ast.copy_location(child, place)
            if getattr(child, "end_lineno", None) is None:
                child.end_lineno, child.end_col_offset = child.lineno, child.col_offset
    return node


def constant(value=None):
    return ast.Constant(value=value, kind=None)


def load(name):
    return ast.Name(id=name, ctx=ast.Load())


def store(name):
    return ast.Name(id=name, ctx=ast.Store())


def item(value, key, ctx=None):
    """`value[key]`; Python 3.8 still wraps the key."""
    key = ast.Index(value=key) if sys.version_info < (3, 9) else key
    return ast.Subscript(value=value, slice=key, ctx=ctx or ast.Load())


def assign(name, value):
    return ast.Assign(targets=[store(name)], value=value, type_comment=None)


def plus(name, amount):
    """`name + amount`, or the name alone for 0."""
    return load(name) if amount == 0 else ast.BinOp(left=load(name), op=ast.Add(), right=constant(amount))


def advance(name, amount):
    """The expression `(name := name + amount)`: true, because amount is above 0 and name is not below."""
    return ast.NamedExpr(target=store(name), value=plus(name, amount))


def advance_statement(name, amount):
    return ast.AugAssign(target=store(name), op=ast.Add(), value=constant(amount))


def count_statement():
    slot = item(load(COUNTS), load(NUMBER), ast.Store())
    return ast.AugAssign(target=slot, op=ast.Add(), value=constant(1))


def count_expression(name):
    """Counts the path `name` as an expression; None."""
    slot = item(load(COUNTS), load(name))
    more = ast.BinOp(left=slot, op=ast.Add(), right=constant(1))
    return call(SETITEM, load(COUNTS), load(name), more)


def call(marker, *arguments):
    return ast.Call(func=constant(marker), args=list(arguments), keywords=[])


def conjunction(first, second):
    return ast.BoolOp(op=ast.And(), values=[first, second])


def branches(node):
    """Whether an expression decides anything: outside lambdas and comprehensions, which are counted by themselves."""
    if isinstance(node, (ast.BoolOp, ast.IfExp)) or (isinstance(node, ast.Compare) and len(node.ops) > 1):
        return True
    if isinstance(node, (ast.Lambda,) + COMPREHENSIONS):
        return False
    return any(branches(child) for child in ast.iter_child_nodes(node))


def jumps(statements, loop_inside=False):
    """Which of 'return', 'break', 'continue' leave these statements; those of loops inside them do not."""
    found = set()
    for statement in statements:
        if isinstance(statement, ast.Return):
            found.add("return")
        elif isinstance(statement, (ast.Break, ast.Continue)):
            if not loop_inside:
                found.add("break" if isinstance(statement, ast.Break) else "continue")
        elif isinstance(statement, LOOPS):
            found |= jumps(statement.body, True) | jumps(statement.orelse, loop_inside)
        elif not isinstance(statement, FUNCTIONS + (ast.ClassDef,)):
            for part in blocks(statement):
                found |= jumps(part, loop_inside)
    return found


def blocks(statement):
    """The lists of statements directly inside a statement."""
    for name in ("body", "orelse", "finalbody"):
        part = getattr(statement, name, None)
        if isinstance(part, list):
            yield part
    for name in ("handlers", "cases"):
        for part in getattr(statement, name, ()):
            yield part.body


def contains(statements, kinds):
    """Whether a statement of these kinds lies in the statements, outside functions and classes inside them."""
    for statement in statements:
        if isinstance(statement, kinds):
            return True
        if not isinstance(statement, FUNCTIONS + (ast.ClassDef,)):
            if any(contains(part, kinds) for part in blocks(statement)):
                return True
    return False


def continues_through_finally(statements):
    """Whether a `continue` of the loop around these statements passes a `finally` block on its way."""
    for statement in statements:
        if isinstance(statement, LOOPS + FUNCTIONS + (ast.ClassDef,)):
            if isinstance(statement, LOOPS) and continues_through_finally(statement.orelse):
                return True
            continue
        parts = list(blocks(statement))
        if getattr(statement, "finalbody", None):
            guarded = [part for part in parts if part is not statement.finalbody]
            if any("continue" in jumps(part) for part in guarded):
                return True
        if any(continues_through_finally(part) for part in parts):
            return True
    return False
