"""The counter behind a wall: monitoring never fails and never delays a request (MISSION, DESIGN.md §6).

Whatever goes wrong inside the counter is swallowed here and counted, so that it can be seen. A model without a
reference, or an image whose monitor does not load, is served all the same.
"""

from __future__ import annotations

import sys
import time
import traceback
from typing import Any, Callable, Dict, List, Optional

__all__ = ["Observed", "Watch", "profile_model", "watch_of"]


class Observed:
    """One request as the counter sees it. No method raises."""

    __slots__ = ("_inner", "_watch")

    def __init__(self, watch: Watch, inner: Any) -> None:
        self._watch = watch
        self._inner = inner

    def rows(self, rows: List[Any]) -> None:
        self._tell("rows", rows)

    def predictions(self, values: List[Any]) -> None:
        self._tell("predictions", values)

    def failure(self, error: BaseException) -> None:
        self._tell("failure", error)

    def refused(self) -> None:
        self._tell("refused")

    def end(self) -> None:
        """Counts. Called after the answer has been sent."""
        self._tell("end")

    def forget(self) -> None:
        """Counts nothing."""
        self._tell("forget")

    def _tell(self, method: str, *arguments: Any) -> None:
        if self._inner is None:
            return
        try:
            getattr(self._inner, method)(*arguments)
        except Exception:
            self._watch.trouble()


class Watch:
    """`counter` is None where there is nothing to count with."""

    def __init__(self, counter: Any, identity: Dict[str, str], log: Callable[[str], None]) -> None:
        self._counter = counter
        self._identity = identity
        self._log = log
        self.errors = 0

    @property
    def counter(self) -> Any:
        return self._counter

    def begin(self, request_id: str, event_time: Optional[float]) -> Observed:
        if self._counter is None:
            return Observed(self, None)
        try:
            return Observed(self, self._counter.begin(request_id, event_time))
        except Exception:
            self.trouble()
            return Observed(self, None)

    def buckets(self, after: int) -> Dict[str, Any]:
        empty = {"schema": "galley.dev/buckets/v1", "seq": 0, "buckets": [], "events": [], **self._identity}
        return self._ask("buckets", empty, after)

    def state(self) -> Dict[str, Any]:
        empty = {"schema": "galley.dev/state/v1", "reference": None, "requests": 0, "rows": 0, "failures": 0}
        return self._ask(
            "state", {**empty, "counted": 0, "dropped": 0, "profiled": [], "skipped": [], **self._identity}
        )

    def close(self) -> None:
        if self._counter is not None:
            try:
                self._counter.close()
            except Exception:
                self.trouble()

    def trouble(self) -> None:
        self.errors += 1
        if (
            self.errors <= 3
        ):  # the first ones tell the story; a counter that fails on every request must not fill the log
            self._log("the monitor failed, the request did not:\n" + traceback.format_exc())

    def _ask(self, method: str, otherwise: Dict[str, Any], *arguments: Any) -> Dict[str, Any]:
        if self._counter is None:
            return otherwise
        try:
            return {**otherwise, **getattr(self._counter, method)(*arguments)}
        except Exception:
            self.trouble()
            return otherwise


def watch_of(
    rehearsed_dir: str,
    model_dir: str,
    identity: Dict[str, str],
    log: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> Watch:
    """With the counter of this image if there is one that loads."""
    try:
        from galley_runtime._monitor.counter import load_counter

        return Watch(load_counter(rehearsed_dir, model_dir, clock), identity, log)
    except Exception as error:
        kind, message = type(error).__name__, str(error)
        log(f"serving without a monitor: {kind}: {message}\n{traceback.format_exc() if sys.flags.dev_mode else ''}")
        return Watch(None, identity, log)


def profile_model(watch: Watch, model: Any, cells: Any, app_dir: str, log: Callable[[str], None]) -> None:
    """Lets the path profiler into the loaded functions; `cells` is the content of cells.json or None.

    Without it everything else is counted all the same.
    """
    try:
        from galley_runtime._monitor import profile

        profile.install(watch.counter, model, cells, app_dir)
    except Exception as error:
        log(f"serving without path profiles: {type(error).__name__}: {error}")
