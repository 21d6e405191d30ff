"""Models that XGBoost and LightGBM wrote in their own formats, with a `predict` of rows of numbers."""

from __future__ import annotations

import json
from typing import Any, List, Optional

__all__ = ["LightgbmModel", "open_xgboost"]


def open_xgboost(path: str) -> Any:
    """An estimator where one was saved, as it says itself: then the answers are classes. Else the trees, which answer with probabilities."""
    import xgboost

    booster = xgboost.Booster(model_file=path)
    said = booster.attr("scikit_learn")
    kind = json.loads(said).get("_estimator_type") if said else None
    estimator: Any = None
    if kind == "classifier":
        estimator = xgboost.XGBClassifier()
    elif kind == "regressor":
        estimator = xgboost.XGBRegressor()
    if estimator is not None:
        estimator.load_model(path)
    return _XgboostModel(booster, estimator)


class _XgboostModel:
    """`saved_form` and `saved_columns` say how it wants to be called."""

    saved_form = "matrix"

    def __init__(self, booster: Any, estimator: Any) -> None:
        import numpy
        import xgboost

        self._numpy = numpy
        self._matrix = xgboost.DMatrix
        self._booster = booster
        self._estimator = estimator
        self.saved_columns: Optional[List[str]] = booster.feature_names
        self.saved_width: int = booster.num_features()
        self.classes_ = getattr(estimator, "classes_", None)

    def predict(self, rows: Any) -> Any:
        values = self._numpy.asarray(rows, dtype="float32")
        if self._estimator is not None:
            return self._estimator.predict(values)
        names, kinds = self._booster.feature_names, self._booster.feature_types
        return self._booster.predict(self._matrix(values, feature_names=names, feature_types=kinds))


class LightgbmModel:
    """`saved_form` and `saved_columns` say how it wants to be called."""

    saved_form = "matrix"

    def __init__(self, path: str) -> None:
        import lightgbm
        import numpy

        self._numpy = numpy
        self._booster = lightgbm.Booster(model_file=path)
        names = list(self._booster.feature_name())
        # LightGBM numbers columns that had no names.
        numbered = names == [f"Column_{place}" for place in range(len(names))]
        self.saved_columns: Optional[List[str]] = None if numbered else names
        self.saved_width: int = len(names)

    def predict(self, rows: Any) -> Any:
        """The objective's own answer: a number, a probability, or one probability a class."""
        return self._booster.predict(self._numpy.asarray(rows, dtype="float64"), num_threads=1)
