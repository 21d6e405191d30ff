"""Sees the outermost fit, predict and score of estimators, whoever calls them.

Every class that derives from scikit-learn's BaseEstimator passes through one hook, `__init_subclass__`:
scikit-learn's own, XGBoost's and LightGBM's wrappers, and classes written in a cell. CatBoost's classes are named.
mlflow's autologging patches functions instead, and its patches end up in pickles (mlflow#6268); here the class holds
a descriptor, and

- seen from the class (`Model.fit`, `inspect.signature`, `super().fit`) it is the original function,
- seen from an object while another watched call runs it is the original method, so inner calls cost next to nothing,
- otherwise it is a method that reports the call, passes for a method, and pickles as the original one.
"""

from __future__ import annotations

import functools
import operator
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

from galley_runtime._capture._alias import Alias
from galley_runtime._capture._state import State

__all__ = ["FITS", "PREDICTIONS", "Watch"]

FITS = ("fit", "partial_fit", "fit_predict", "fit_transform")
PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score", "score_samples")

#: Told before an outermost call; may return a function that is told the result.
Observer = Callable[[Any, str, Tuple[Any, ...], Dict[str, Any]], Optional[Callable[[Any], None]]]


class _WatchedAttribute:
    """What stands in the class in place of a function, property or `available_if`."""

    def __init__(self, watch: "Watch", original: Any, name: str) -> None:
        self._watch = watch
        self._original = original
        self._name = name
        functools.update_wrapper(self, original)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        value = self._original.__get__(instance, owner)
        if instance is None or self._watch.state.depth or not callable(value):
            return value
        watch, name = self._watch, self._name
        return Alias(value, lambda method, args, kwargs: watch.call(method, instance, name, args, kwargs))

    def __reduce__(self) -> Any:  # a class of a cell is pickled by value, with its dictionary
        return operator.getitem, ((self._original,), 0)


class Watch:
    """Hooks classes, and takes every hook out again with `remove`."""

    def __init__(self, state: State, observer: Observer) -> None:
        self.state = state
        self._observer = observer
        self._hooked: List[Tuple[type, str, Any]] = []

    def hook_scikit_learn(self, module: Any) -> None:
        """For `sklearn.base`: its mixins, and every class that will derive from BaseEstimator."""
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                self.hook(value)
        base = module.BaseEstimator
        own = base.__dict__.get("__init_subclass__")

        def __init_subclass__(cls: type, **kwargs: Any) -> None:
            if own is not None:
                own.__get__(None, cls)(**kwargs)
            else:
                super(base, cls).__init_subclass__(**kwargs)  # type: ignore[misc]  # cls derives from base
            self.hook(cls)

        base.__init_subclass__ = classmethod(__init_subclass__)  # type: ignore[arg-type]
        self._hooked.append((base, "__init_subclass__", own))

    def hook(self, cls: type) -> None:
        """Watches the methods that this class itself defines."""
        for name in FITS + PREDICTIONS:
            self.hook_method(cls, name)

    def hook_method(self, cls: type, name: str) -> bool:
        """Watches one method. False: the class does not define it, or cannot be changed."""
        original = cls.__dict__.get(name)
        if isinstance(original, _WatchedAttribute):
            return True
        plain = isinstance(original, (types.FunctionType, property)) or hasattr(original, "check")
        if not plain or not hasattr(original, "__get__"):
            return False
        try:
            setattr(cls, name, _WatchedAttribute(self, original, name))
        except (AttributeError, TypeError):
            return False
        self._hooked.append((cls, name, original))
        return True

    def remove(self) -> None:
        """Every class is as it was."""
        for cls, name, original in reversed(self._hooked):
            if original is None:
                delattr(cls, name)
            else:
                setattr(cls, name, original)
        self._hooked.clear()

    def call(
        self, call: Callable[..., Any], owner: Any, name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]
    ) -> Any:
        """Runs a call and reports it, if it is not an inner one."""
        state = self.state
        if state.depth:
            return call(*args, **kwargs)
        told: Optional[Callable[[Any], None]] = None
        try:
            told = self._observer(owner, name, args, kwargs)
        except Exception as error:  # noqa: BLE001 - never the user's trouble
            state.warn(f"a call of {name} was not captured: {type(error).__name__}: {error}")
        state.depth += 1
        try:
            result = call(*args, **kwargs)
        finally:
            state.depth -= 1
        if told is not None:
            try:
                told(result)
            except Exception as error:  # noqa: BLE001
                state.warn(f"the result of {name} was not captured: {type(error).__name__}: {error}")
        return result
