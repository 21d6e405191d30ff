"""A pickle that is read up to its end, without anything of it being looked up or called."""

import re

from pickle_bytes import CannotTell, NotPickle, check_time
from pickle_steps import MARK, OTHER, STEPS, Array, Kind, Name

STACK_MAX = MEMO_MAX = 1000000
STATE_MAX = 256
DEPTH_MAX = 20

VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}((a|b|rc|\.post)[0-9]+)?")


class Reader:
    """One pickle, up to its STOP."""

    def __init__(self, data, found, depth=0):
        if depth > DEPTH_MAX:
            raise CannotTell("it holds pickles in pickles in pickles")
        self.data, self.found, self.depth = data, found, depth
        self.stack, self.memo, self.count, self.protocol = [], {}, 0, 0

    def run(self):
        steps = 0
        while True:
            steps += 1
            if not steps & 0xFFF:
                check_time()
            start = self.data.size
            code = self.data.read(1)[0]
            if code == 0x2E:  # STOP
                self.pop()
                return
            step = STEPS.get(code)
            if step is None:
                raise NotPickle("byte %d is no instruction of a pickle" % start)
            step(self)
            if len(self.stack) > STACK_MAX:
                raise CannotTell("it nests or lists more than %d objects" % STACK_MAX)

    def push(self, value):
        self.stack.append(value)

    def pop(self):
        if not self.stack or self.stack[-1] is MARK:
            raise NotPickle("at byte %d it takes what it never gave" % self.data.size)
        return self.stack.pop()

    def pop_mark(self):
        items = []
        while True:
            if not self.stack:
                raise NotPickle("at byte %d it ends a list that it never began" % self.data.size)
            item = self.stack.pop()
            if item is MARK:
                return items[::-1]
            items.append(item)

    def remember(self, place):
        if not self.stack:
            raise NotPickle("at byte %d it remembers nothing" % self.data.size)
        value = self.stack[-1]
        if value is OTHER:
            self.memo.pop(place, None)
        else:
            self.memo[place] = value
        if len(self.memo) > MEMO_MAX:
            raise CannotTell("it remembers more than %d objects" % MEMO_MAX)

    def recall(self, place):
        self.push(self.memo.get(place, OTHER))

    def named(self, module, name):
        """A global; what joblib and numpy put there is known, so that the bytes of arrays can be passed over."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise NotPickle("at byte %d it names a class by something other than text" % self.data.size)
        self.found.name(module, name, self.protocol)
        self.push(Name((module, name)))

    def call(self, target, arguments):
        first = arguments[0] if isinstance(arguments, tuple) and arguments else None
        if target == ("numpy", "dtype") and isinstance(first, str):
            return Kind(first)
        if isinstance(target, tuple) and target[1:] == ("subimport",) and isinstance(first, str):
            self.found.name(first, "", self.protocol)  # cloudpickle: a module that a function uses
        return OTHER

    def make(self, target, _arguments):
        return Array() if target == ("joblib.numpy_pickle", "NumpyArrayWrapper") else OTHER

    def build(self):
        state = self.pop()
        target = self.stack[-1] if self.stack else OTHER
        if isinstance(target, Array) and isinstance(state, dict):
            target.state = state
            self.stack[-1] = OTHER
            self.pass_over(state)

    def pass_over(self, state):
        """The bytes of an array, as joblib's `read_array` takes them."""
        kind, shape = state.get("dtype"), state.get("shape")
        if not isinstance(kind, Kind) or not isinstance(shape, tuple):
            raise CannotTell("it holds an array of an unknown sort")
        if kind[:1] == "O":
            Reader(self.data, self.found, self.depth + 1).run()
            return
        digits = re.match(r"^[a-zA-Z?](\d*)$", kind)
        if digits is None or not all(isinstance(length, int) and length >= 0 for length in shape):
            raise CannotTell("it holds an array of type %s" % kind[:40])
        bytes_each = int(digits.group(1) or 1) * (4 if kind[0] == "U" else 1)
        if isinstance(state.get("numpy_array_alignment_bytes"), int):
            self.data.skip(self.data.number(1))
        count = bytes_each
        for length in shape:
            count *= length
        self.data.skip(count)

    def set_items(self, items):
        target = self.stack[-1] if self.stack else OTHER
        for key, value in zip(items[::2], items[1::2]):
            if key == "_sklearn_version" and isinstance(value, str) and VERSION.fullmatch(value):
                self.found.sklearn = self.found.sklearn or str(value)
            elif key == "feature_names_in_":
                self.found.frames = True
            if isinstance(target, dict) and isinstance(key, str) and len(target) < STATE_MAX:
                target[str(key)] = value
