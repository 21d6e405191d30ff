"""Code objects: telling whether two are the same, pairing two trees of them, and putting our objects in their constants."""

import types
from collections import defaultdict

from ._syntax import BLOCK, FUNCTION

_PARTS = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_name", "co_flags")
_COUNTS = ("co_argcount", "co_kwonlyargcount", "co_posonlyargcount")


def same_code(a, b):
    """Equal in everything that runs; positions and file names do not count."""
    if any(getattr(a, name) != getattr(b, name) for name in _PARTS + _COUNTS):
        return False
    if getattr(a, "co_exceptiontable", None) != getattr(b, "co_exceptiontable", None):
        return False
    return len(a.co_consts) == len(b.co_consts) and all(map(_same_constant, a.co_consts, b.co_consts))


def _same_constant(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, types.CodeType):
        return same_code(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same_constant, a, b))
    if isinstance(a, frozenset):
        return sorted(map(_typed, a)) == sorted(map(_typed, b))
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)  # 0.0 and -0.0 are equal, and NaN is not equal to itself
    return a == b


def _typed(value):
    return type(value).__name__, repr(value)


def pairs_of(plain, counting):
    """(plain code, counting code) for every function in two codes compiled from one source, one of them instrumented.

    Order among codes of one name and line is the source's in both, so a group of equal size pairs up in order; a
    group that differs is left out, and what lies inside it.
    """
    groups = defaultdict(lambda: ([], []))
    for side, code in ((0, plain), (1, counting)):
        for child in code.co_consts:
            if isinstance(child, types.CodeType):
                groups[child.co_name, child.co_firstlineno][side].append(child)
    for left, right in groups.values():
        if len(left) == len(right):
            for a, b in zip(left, right):
                yield a, b
                yield from pairs_of(a, b)


def with_objects(code, objects, block, note):
    """`code` with every marked constant exchanged: `objects[marker]`, `block`, or `note(index)` of a function."""
    changed = False
    constants = []
    for value in code.co_consts:
        new = value
        if isinstance(value, types.CodeType):
            new = with_objects(value, objects, block, note)
        elif type(value) is str and value.startswith("\0galley:"):
            if value.startswith(FUNCTION):
                new = note(int(value[len(FUNCTION) :]))
            else:
                new = block if value.startswith(BLOCK) else objects[value]
        changed = changed or new is not value
        constants.append(new)
    return code.replace(co_consts=tuple(constants)) if changed else code


def index_of(code):
    """The index of the function that a counting code belongs to, by its mark; None for code without one."""
    for value in code.co_consts:
        if type(value) is str and value.startswith(BLOCK):
            return int(value[len(BLOCK) :])
    return None
