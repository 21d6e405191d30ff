"""A uniform sample of a stream of unknown length, in batches (Li 1994, algorithm L): skipping makes a batch of a
million rows cost as much as the few rows that it contributes."""

from __future__ import annotations

import math
import random
from typing import Any, Callable, Dict, Iterable, List, Sequence

__all__ = ["Reservoir"]


class Reservoir:
    """At most `size` items, each item of the stream with the same chance."""

    def __init__(self, size: int, source: random.Random) -> None:
        self._size = size
        self._random = source
        self._weight = 1.0
        self._next = size  # index in the stream of the next item to take once full
        self.items: List[Any] = []
        self.total = 0
        if size > 0:
            self._skip(size - 1)

    def _uniform(self) -> float:
        return 1.0 - self._random.random()  # (0, 1]: its logarithm exists

    def _skip(self, index: int) -> None:
        self._weight *= math.exp(math.log(self._uniform()) / self._size)
        below = math.log1p(-self._weight) if self._weight < 1.0 else -math.inf
        self._next = index + 1 + (int(math.log(self._uniform()) / below) if below else 0)

    def add(self, count: int, take: Callable[[Sequence[int]], Iterable[Any]]) -> None:
        """Offers `count` items; `take` is asked, at most once, for those at the given positions."""
        if self._size <= 0:
            return
        slots: Dict[int, int] = {}
        first = self.total
        free = min(count, self._size - len(self.items))
        for position in range(free):
            slots[len(self.items) + position] = position
        while self._next < first + count:
            slots[self._random.randrange(self._size)] = self._next - first
            self._skip(self._next)
        self.total += count
        if not slots:
            return
        self.items.extend([None] * free)
        for slot, item in zip(slots, list(take(list(slots.values())))):
            self.items[slot] = item
