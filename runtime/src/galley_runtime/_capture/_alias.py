"""An object that passes for another and does one thing more when it is called.

It is used where the class cannot be hooked: for functions, and for methods that have been fetched. `isinstance`,
`inspect.signature`, attributes, equality and hash are those of the target; a pickle of it is a pickle of the target, so
that worker processes, which know nothing of us, get what they would have got.
"""

from __future__ import annotations

import operator
import sys
import types
from typing import Any, Callable, Dict, Tuple

__all__ = ["Alias", "unalias"]

#: Called with the target and the arguments; calls the target.
Around = Callable[[Any, Tuple[Any, ...], Dict[str, Any]], Any]


class Alias:
    """Stands for `target`; calls go to `around(target, args, kwargs)`."""

    __slots__ = ("__weakref__", "_galley")

    def __init__(self, target: Any, around: Around) -> None:
        object.__setattr__(self, "_galley", (target, around))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        target, around = object.__getattribute__(self, "_galley")
        return around(target, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(unalias(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(unalias(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(unalias(self), name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A function that becomes an attribute of a class binds."""
        if instance is None or not isinstance(unalias(self), types.FunctionType):
            return self
        return types.MethodType(self, instance)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # isinstance and the inspect module ask this
        return type(unalias(self))

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return unalias(self).__doc__

    @property
    def __module__(self) -> Any:  # type: ignore[override]
        return unalias(self).__module__

    def __dir__(self) -> Any:
        return dir(unalias(self))

    def __eq__(self, other: object) -> bool:
        return bool(unalias(self) == unalias(other))

    def __hash__(self) -> int:
        return hash(unalias(self))

    def __repr__(self) -> str:
        return repr(unalias(self))

    def __reduce_ex__(self, protocol: Any) -> Any:
        target = unalias(self)
        if isinstance(target, types.FunctionType) and not _cloudpickle_is_asking():
            return target.__qualname__  # plain pickle goes by name, and finds us under it
        return operator.getitem, ((target,), 0)


def unalias(value: Any) -> Any:
    """The target of an alias; any other value itself."""
    return object.__getattribute__(value, "_galley")[0] if type(value) is Alias else value


def _cloudpickle_is_asking() -> bool:
    frame = sys._getframe(2)
    for _ in range(8):
        if frame is None:
            return False
        if "cloudpickle" in frame.f_globals.get("__name__", ""):
            return True
        frame = frame.f_back  # type: ignore[assignment]  # None ends it
    return False
