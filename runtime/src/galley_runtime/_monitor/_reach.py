"""Functions that a model holds: found by following what its objects refer to, not by asking for every object alive."""

import gc
import sys
import types

OBJECTS = 50_000
OF_ONE_CONTAINER = 1000  # a lookup table of a million rows is not searched for functions
_ATOMS = (
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    bool,
    type(None),
    type(Ellipsis),
    types.ModuleType,
    types.CodeType,
)


def functions_of(roots):
    """Python functions reachable from `roots` that were pickled by value: installed packages and modules stay closed.

    What numba compiled is left out: it reads the function's bytecode when it is first called.
    """
    seen, found, compiled = set(), [], set()
    todo = list(roots)
    while todo and len(seen) < OBJECTS:
        thing = todo.pop()
        if isinstance(thing, _ATOMS) or id(thing) in seen:
            continue
        seen.add(id(thing))
        kind = type(thing)
        if kind is types.FunctionType:
            if of_package(thing):
                continue
            found.append(thing)
        elif isinstance(thing, type):
            if of_package(thing):
                continue
        elif kind.__module__.split(".")[0] == "numba":
            compiled.add(id(getattr(thing, "py_func", None)))
            continue
        elif isinstance(thing, (list, tuple, set, frozenset, dict)) and len(thing) > OF_ONE_CONTAINER:
            items = thing.values() if isinstance(thing, dict) else thing
            todo.extend(item for _, item in zip(range(OF_ONE_CONTAINER), items))
            continue
        todo.extend(gc.get_referents(thing))
    return [function for function in found if id(function) not in compiled]


def of_package(thing):
    """Whether a function or class was imported, and is not what a pickle made again."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    if module is None or getattr(module, "__file__", None) is None:
        return module is not None and module.__name__ != "__main__" and not hasattr(module, "__path__")
    return module.__name__ != "__main__"


def functions_in(module):
    """Functions that a module defines, in classes too."""
    todo, seen = list(vars(module).values()), set()
    found = []
    while todo:
        thing = todo.pop()
        thing = getattr(thing, "__func__", thing)
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, types.FunctionType) and thing.__globals__ is vars(module):
            found.append(thing)
            todo.extend(cell.cell_contents for cell in thing.__closure__ or () if _filled(cell))
            if hasattr(thing, "__wrapped__"):
                todo.append(thing.__wrapped__)
        elif isinstance(thing, property):
            todo.extend(part for part in (thing.fget, thing.fset, thing.fdel) if part is not None)
        elif isinstance(thing, type) and thing.__module__ == module.__name__:
            todo.extend(vars(thing).values())
    return found


def _filled(cell):
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
