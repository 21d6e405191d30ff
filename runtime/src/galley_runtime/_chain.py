"""Stages of several notebooks as one predictor, where scikit-learn's Pipeline cannot be it: a stage is a function, or
there is no scikit-learn. Pickles name this class, so it stays where it is."""

from __future__ import annotations

from typing import Any, List, Tuple

__all__ = ["Chain"]


class Chain:
    """`predict` hands its argument through the stages in order: `transform` of an object, a call of a function."""

    def __init__(self, steps: List[Tuple[str, Any]]) -> None:
        self.steps = list(steps)

    def predict(self, X: Any) -> Any:  # noqa: N803 - as every estimator calls it
        """What the last stage answers."""
        for _, stage in self.steps[:-1]:
            X = stage.transform(X) if hasattr(stage, "transform") else stage(X)  # noqa: N806
        last = self.steps[-1][1]
        return last.predict(X) if hasattr(last, "predict") else last(X)
