"""Puts the pieces together while cells run: which call of the notebook tells us what."""

from __future__ import annotations

import builtins
import copy
import types
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from galley_runtime._call_form import recognise
from galley_runtime._capture import _binding
from galley_runtime._capture._alias import Alias, unalias
from galley_runtime._capture._calls import Calls, head_of
from galley_runtime._capture._imports import AfterImport
from galley_runtime._capture._names import has_predict
from galley_runtime._capture._rows import Table, table_of
from galley_runtime._capture._sample import Fitted, Sampler, Samples
from galley_runtime._capture._state import State
from galley_runtime._capture._watch import FITS, Watch

__all__ = ["Observer"]

#: Rows that show how an object was fitted; enough to be known again in another notebook.
_HEAD = 200
_HEADS_MAX = 32
_CATBOOST = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")


class Observer:
    """Watches fits, predictions and calls of `predictor`, from the first cell to `remove`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.fitted = Fitted()
        self.samples = Samples(state)
        self.calls = Calls(state, self.fitted)
        self._fit_seen: Dict[int, Any] = {}
        #: Of fits in a run of several notebooks: the object, and the first rows that it was given.
        self._heads: List[Tuple[Any, Any]] = []
        self._watch = Watch(state, self._observe)
        self._imports = AfterImport(
            {"sklearn.base": self._watch.hook_scikit_learn, "catboost.core": self._hook_catboost}, state.warn
        )

    def install(self, shell: Any) -> None:
        """Begins, before the first cell."""
        self._imports.install()
        setattr(builtins, _binding.HOOK, self.stand_in)
        shell.ast_transformers.append(_binding.BindingMarks("predictor"))

    def remove(self) -> None:
        """User classes are as they were; must come before the model is saved."""
        self._imports.remove()
        self._watch.remove()
        self.step_out()

    def stand_in(self) -> None:
        """Makes the calls of `predictor` seen, in the way that changes least: the class's method, else the name."""
        state = self._state
        value = state.namespace.get("predictor")
        if value is None or isinstance(value, type) or type(value) is Alias:
            return
        if has_predict(value):
            if not self._hook(type(value), "predict"):
                state.warn("calls of predictor.predict cannot be recorded: its class cannot be watched")
        elif callable(value):
            function = isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType))
            if function or not self._hook(type(value), "__call__"):
                alias = Alias(value, self._around)
                # Under every name that it has, so that `f is predictor` says what it would say.
                for name in [name for name, held in state.namespace.items() if held is value]:
                    state.namespace[name] = alias

    def step_out(self) -> None:
        """After a cell every name means the user's own object again."""
        namespace = self._state.namespace
        for name, value in list(namespace.items()):
            if type(value) is Alias:
                namespace[name] = unalias(value)

    def saw_fit(self, value: Any) -> bool:
        """Whether an outermost fit of this very object was seen."""
        known = self._fit_seen.get(id(value))
        return known is not None and known() is value

    def fit_of(self, value: Any) -> Tuple[Any, Optional[Sampler]]:
        """The first rows of the last fit of an object, and a sample of all its rows. Of a copy that came from a file:
        of an object of its class."""
        same = [item for item in self._heads if item[0] is value]
        alike = same or [item for item in self._heads if type(item[0]) is type(value)]
        if not alike:
            return None, None
        owner, head = alike[-1]
        return head, self.samples.known(owner)

    def _remember_head(self, owner: Any, data: Any, table: Table) -> None:
        try:
            head = copy.deepcopy(data.iloc[:_HEAD] if hasattr(data, "iloc") else data[:_HEAD])
        except Exception:  # noqa: BLE001 - rows of the user's types
            return
        self._heads = [item for item in self._heads if item[0] is not owner][-_HEADS_MAX:] + [(owner, head)]
        sampler = self.samples.of(owner)
        if sampler is not None and not has_predict(owner):
            sampler.add(table, self.fitted)

    def _remember_fit(self, owner: Any) -> None:
        key = id(owner)
        try:
            self._fit_seen[key] = weakref.ref(owner, lambda _: self._fit_seen.pop(key, None))
        except TypeError:
            self._fit_seen[key] = lambda: owner  # takes no weak reference, so it is kept

    def _hook(self, cls: type, name: str) -> bool:
        for base in cls.__mro__:
            if name in base.__dict__:
                return base is not object and self._watch.hook_method(base, name)
        return False

    def _hook_catboost(self, module: Any) -> None:
        for name in _CATBOOST:
            cls = getattr(module, name, None)
            if isinstance(cls, type):
                self._watch.hook(cls)

    def _around(self, target: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        return self._watch.call(target, target, "", args, kwargs)

    def _observe(
        self, owner: Any, name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]
    ) -> Optional[Callable[[Any], None]]:
        if name in ("", "__call__"):
            return self.calls.before(owner, args, kwargs)
        data = args[0] if args else kwargs.get("X", kwargs.get("data"))
        table = None if data is None or isinstance(data, (str, bytes)) else table_of(data)
        if name in FITS:
            self._remember_fit(owner)
            if table is not None and len(table):
                self.fitted.add(table)
                if self._state.staged:
                    self._remember_head(owner, data, table)
            return None
        sampler = self.samples.of(owner)
        if sampler is not None and table is not None and len(table):
            sampler.add(table, self.fitted)
            if sampler.form is None:
                sampler.form = recognise(head_of(data), [None, None][: len(table)]).form
        tagged = self._state.cell is not None and self._state.cell.recorded
        if name == "predict" and (tagged or owner is self._state.namespace.get("predictor")):
            return self.calls.before(owner, args[:1], {} if args else {"X": data}, sampled=sampler is None)
        return None
