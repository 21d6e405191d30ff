"""Merging buckets and comparing them with the reference: the arithmetic that control repeats in TypeScript.

Sums are exact integers. The distance of a stream is the total variation between the shares of its cells, computed from
those integers in one division, so both languages get the same float.
"""


def merge(buckets):
    """{stream: {"n", "counts": {cell index: sum}}} over the buckets of any replicas, in any order."""
    merged = {}
    for bucket in buckets:
        for name, stream in bucket["streams"].items():
            total = merged.setdefault(name, {"n": 0, "counts": {}})
            total["n"] += stream["n"]
            for cell, amount in stream["counts"].items():
                total["counts"][cell] = total["counts"].get(cell, 0) + amount
    return merged


def distance(reference_counts, counts):
    """½·Σ|c/C − r/R| of two lists of integers, 0 … 1; None when one of them is empty.

    As ½·Σ|c·R − r·C| / (C·R): exact integers up to one rounding at the end.
    """
    whole, reference_whole = sum(counts), sum(reference_counts)
    if whole == 0 or reference_whole == 0:
        return None
    difference = sum(abs(c * reference_whole - r * whole) for c, r in zip(counts, reference_counts))
    return difference / (2 * whole * reference_whole)


def distances(reference, buckets):
    """{stream: {"n", "distance"}} for every stream of the reference that the buckets know."""
    merged = merge(buckets)
    answer = {}
    for stream in reference["streams"]:
        seen = merged.get(stream["id"])
        if seen is not None:
            counts = [seen["counts"].get(str(cell), 0) for cell in range(len(stream["cells"]))]
            answer[stream["id"]] = {"n": seen["n"], "distance": distance(stream["counts"], counts)}
    return answer
