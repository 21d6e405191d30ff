"""Random Python functions over every construct that the path profiler numbers.

Each program is one function `f(d, log)`. `d(i)` answers the next bit of a stream, or raises when the stream says so, and
both it and `log(i)` write down that they were called: two runs are the same when these records are.
"""

import sys


class Boom(Exception):
    pass


class Truth:
    """A value whose truth is asked for on the record."""

    def __init__(self, bit, name, record):
        self.bit, self.name, self.record = bit, name, record

    def __bool__(self):
        self.record.append(("bool", self.name))
        return self.bit

    def __lt__(self, other):
        self.record.append(("lt", self.name))
        return Truth(self.bit, self.name, self.record)

    def __enter__(self):
        self.record.append(("enter", self.name))
        return self

    def __exit__(self, kind, value, trace):
        self.record.append(("exit", self.name, kind.__name__ if kind else None))
        return self.bit and kind is Boom

    def __repr__(self):
        return "Truth(%r, %r)" % (self.bit, self.name)


class Stream:
    """Decides what a run does: bits and exceptions, drawn once and replayed for the second run."""

    def __init__(self, random, raising):
        self._random, self._raising, self._drawn = random, raising, []
        self.rewind()

    def rewind(self):
        self._next, self.record = 0, []

    def d(self, name):
        if self._next == len(self._drawn):
            self._drawn.append((self._random.random() < 0.5, self._random.random() < self._raising))
        bit, raises = self._drawn[self._next]
        self._next += 1
        self.record.append(("d", name))
        if self._next > 400:
            raise MemoryError("long enough")
        if raises:
            raise Boom(name)
        return Truth(bit, name, self.record)

    def log(self, name):
        self.record.append(("log", name))


class Program:
    """Writes a function of about `size` statements. `calm`: only what cannot lose part of a path to an exception. `plain`:
    no function, lambda or comprehension inside, so each run is one path and its calls say which."""

    def __init__(self, random, size, calm=False, loops=True, plain=False, match=sys.version_info >= (3, 10)):
        self.plain = plain
        self.random, self.left, self.calm, self.loops, self.match = random, size, calm, loops, match
        self.names = 0
        self.lines = ["def f(d, log):"]
        self.generator = not calm and random.random() < 0.15
        self.block(1, False, 0)
        self.text = "\n".join(self.lines) + "\n"

    def name(self):
        self.names += 1
        return self.names

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def decide(self):
        return "d(%d)" % self.name()

    def expression(self, depth=0):
        kind = self.random.randrange(14 if depth < 3 else 3)
        again = lambda: self.expression(depth + 1)
        if kind < 3:
            return self.decide()
        if kind < 5:
            return "(%s)" % (" %s " % self.random.choice(["and", "or"])).join(
                again() for _ in range(self.random.randint(2, 3))
            )
        if kind < 7:
            return "(%s if %s else %s)" % (again(), again(), again())
        if kind < 8:
            return "(not %s)" % again()
        if kind < 9:
            return "(%s < %s < %s)" % (self.decide(), self.decide(), self.decide())
        if self.plain:
            return "[%s, %s]" % (again(), again())
        if kind < 10:
            return "[%s for i in range(2) if %s]" % (again(), again())
        if kind < 11:
            return "(lambda: %s)()" % again()
        if kind < 12:
            return "{%s: %s for i in range(2) for j in range(i + 1) if %s}" % (self.decide(), again(), again())
        if kind < 13 and not self.calm:
            return "list(%s for i in range(3) if %s)" % (again(), again())
        return "[%s, %s]" % (again(), again())

    def block(self, depth, in_loop, final):
        for _ in range(self.random.randint(1, 3)):
            self.statement(depth, in_loop, final)

    def statement(self, depth, in_loop, final):
        self.left -= 1
        if self.left < 0 or depth > 6:
            return self.put(depth, "log(%d)" % self.name())
        choices = ["log", "log", "if", "if", "assign", "return", "expression"] + ([] if self.plain else ["nested"])
        if self.loops:
            choices += ["for", "while"] + (["break", "continue"] if in_loop else [])
        if self.match:
            choices += ["match"]
        if not self.calm:
            choices += ["try", "try", "finally", "finally", "with", "raise", "assert"] + (
                ["yield"] if self.generator else []
            )
        getattr(self, "put_" + self.random.choice(choices))(depth, in_loop, final)

    def put_log(self, depth, in_loop, final):
        self.put(depth, "log(%d)" % self.name())

    def put_assign(self, depth, in_loop, final):
        self.put(depth, "x = %s" % self.expression())
        self.put(depth, "log(%d)" % self.name())

    def put_expression(self, depth, in_loop, final):
        self.put(depth, self.expression())

    def put_yield(self, depth, in_loop, final):
        self.put(depth, "yield %s" % self.expression())

    def put_return(self, depth, in_loop, final):
        self.put(depth, "if %s:" % self.decide())
        self.put(depth + 1, "return %s" % self.expression())

    def put_raise(self, depth, in_loop, final):
        self.put(depth, "if %s: raise KeyError(%s)" % (self.expression(), self.expression()))

    def put_assert(self, depth, in_loop, final):
        self.put(depth, "assert %s, %d" % (self.expression(), self.name()))

    def put_break(self, depth, in_loop, final):
        self.put(depth, "if %s: break" % self.expression())

    def put_continue(self, depth, in_loop, final):
        self.put(depth, "if %s: continue" % self.expression())

    def put_if(self, depth, in_loop, final):
        self.put(depth, "if %s:" % self.expression())
        self.block(depth + 1, in_loop, final)
        while self.random.random() < 0.4:
            self.put(depth, "elif %s:" % self.expression())
            self.block(depth + 1, in_loop, final)
        if self.random.random() < 0.5:
            self.put(depth, "else:")
            self.block(depth + 1, in_loop, final)

    def put_for(self, depth, in_loop, final):
        over = "range(3)" if self.random.random() < 0.7 else "[%s, %s]" % (self.expression(2), self.expression(2))
        self.put(depth, "for v%d in %s:" % (depth, over))
        self.loop_body(depth, in_loop, final)

    def put_while(self, depth, in_loop, final):
        endless = self.random.random() < 0.2
        self.put(depth, "while %s:" % ("True" if endless else self.expression(1)))
        if endless:
            self.put(depth + 1, "if %s: break" % self.decide())
        self.loop_body(depth, in_loop, final)

    def loop_body(self, depth, in_loop, final):
        self.block(depth + 1, True, final)
        if self.random.random() < 0.4:
            self.put(depth, "else:")
            self.block(depth + 1, in_loop, final)

    def put_nested(self, depth, in_loop, final):
        name = "g%d" % self.name()
        self.put(depth, "def %s(x=%s):" % (name, self.expression(2)))
        self.put(depth + 1, "log(%d)" % self.name())
        self.put(depth + 1, "return %s" % self.expression(1))
        self.put(depth, "%s()" % name)

    def put_try(self, depth, in_loop, final):
        self.put(depth, "try:")
        self.block(depth + 1, in_loop, final)
        for kind in self.random.sample(
            ["Boom", "(KeyError, AssertionError)", "IndexError as e", "Exception as e"], self.random.randint(1, 3)
        ):
            self.put(depth, "except %s:" % kind)
            self.block(depth + 1, in_loop, final)
        if self.random.random() < 0.4:
            self.put(depth, "else:")
            self.block(depth + 1, in_loop, final)
        if self.random.random() < 0.4:
            self.put(depth, "finally:")
            self.final_block(depth + 1, in_loop, final)

    def put_finally(self, depth, in_loop, final):
        self.put(depth, "try:")
        self.block(depth + 1, in_loop, final)
        self.put(depth, "finally:")
        self.final_block(depth + 1, in_loop, final)

    def final_block(self, depth, in_loop, final):
        if final < 2:
            self.block(depth, in_loop, final + 1)
        else:
            self.put(depth, "log(%d)" % self.name())

    def put_with(self, depth, in_loop, final):
        managers = ", ".join(
            self.expression(2) if self.random.random() < 0.1 else self.decide()
            for _ in range(self.random.randint(1, 2))
        )
        self.put(depth, "with %s:" % managers)
        self.block(depth + 1, in_loop, final)

    def put_match(self, depth, in_loop, final):
        self.put(depth, "match bool(%s):" % self.expression())
        for pattern in self.random.sample(
            ["True", "False", "y if %s" % self.expression(), "True if %s" % self.expression()], 2
        ):
            self.put(depth + 1, "case %s:" % pattern)
            self.block(depth + 2, in_loop, final)
        if self.random.random() < 0.5:
            self.put(depth + 1, "case _:")
            self.block(depth + 2, in_loop, final)
