"""A model in ONNX with a `predict` of rows.

One input of numbers takes rows as lists (`matrix`; of an image: nested ones), several inputs of one value each take them by name
(`records`), one input that is a list of texts takes the texts (`raw`). The answer is the output that holds labels, else the first.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

__all__ = ["OnnxModel"]

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint8)": "uint8",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxModel:
    """`saved_form` and `saved_columns` say how it wants to be called."""

    def __init__(self, path: str) -> None:
        import numpy
        import onnxruntime

        self._numpy = numpy
        options = onnxruntime.SessionOptions()
        # Rows come one request at a time, and the replica is not alone: threads would only wait for each other.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._inputs = self._session.get_inputs()
        for item in self._inputs:
            if item.type not in _TYPES:
                raise TypeError(f"its input {item.name} is a {item.type}, which has no JSON form")
        self._output = _output_of([item.name for item in self._session.get_outputs()])
        self._several = len(self._inputs) > 1
        #: A batch of one size only is fed row by row.
        self._single = any(item.shape[:1] == [1] for item in self._inputs)
        first = self._inputs[0]
        flat = len(first.shape) == 1
        self.saved_form = "records" if self._several else "raw" if flat else "matrix"
        self.saved_columns: Optional[List[str]] = [item.name for item in self._inputs] if self._several else None

    def predict(self, rows: Any) -> Any:
        """One answer a row."""
        if self._single:
            return [self._run(rows[index : index + 1])[0] for index in range(len(rows))]
        return self._run(rows)

    def _run(self, rows: Any) -> Any:
        feed: Dict[str, Any] = {}
        for item in self._inputs:
            values = [row[item.name] for row in rows] if self._several else rows
            array = self._numpy.asarray(values, dtype=_TYPES[item.type])
            wanted = len(item.shape)
            # A column by name is one value a row; the graph wants it as [rows, 1].
            feed[item.name] = array.reshape(-1, 1) if array.ndim == 1 and wanted == 2 else array
        answer = self._session.run([self._output], feed)[0]
        if hasattr(answer, "ndim") and answer.ndim == 2 and answer.shape[1] == 1:
            return answer[:, 0]
        return answer


def _output_of(names: List[str]) -> str:
    return next((name for name in names if name.lower() in ("output_label", "label", "labels")), names[0])
