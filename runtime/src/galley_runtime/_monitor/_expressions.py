"""Numbering and instrumenting expressions: conditional expressions, and/or, chained comparisons, comprehensions, lambdas.

`value(e, k)` numbers the paths through `e` that go on at node `k`; `test(e, t, f)` those of a condition whose outcomes go
on at `t` and `f`. Both return (node, new expression) and leave the tree that they got as it is.

Increments are walrus expressions: `a and b` becomes `a and (r := r + n) and b`. Their value is true, so what the
expression is worth and how often the truth of `a` is asked for stay the same.
"""

import ast
import copy

from ._graph import Node, answer, at_line, choice, no_yes
from ._syntax import (
    COMPREHENSIONS,
    NUMBER,
    advance,
    at,
    branches,
    conjunction,
    constant,
    count_expression,
    item,
    load,
    store,
)


class Expressions:
    """Mixed into the numbering of a function, which owns `starts`, `fresh(prefix)` and `inner_function(node)`."""

    number = NUMBER  # the variable that adds up: of the function, or of a comprehension
    walrus = True  # in the iterable of a comprehension Python allows none

    def value(self, e, k):
        if isinstance(e, ast.Lambda):
            return self._lambda(e, k)
        if isinstance(e, COMPREHENSIONS):
            return self._comprehension(e, k)
        if self.walrus and not self.blind:
            if isinstance(e, ast.BoolOp):
                return self._operands(e, k)
            if isinstance(e, ast.IfExp):
                return self._conditional(e, k)
            if isinstance(e, ast.Compare) and len(e.ops) > 1:
                return self._chain(e, k, k)
        return self._children(e, k)

    def _children(self, e, k):
        changes = {}
        for field, old in reversed(list(ast.iter_fields(e))):
            if isinstance(old, ast.AST):
                k, new = self.value(old, k)
                if new is not old:
                    changes[field] = new
            elif isinstance(old, list):
                items = list(old)
                for position in range(len(items) - 1, -1, -1):
                    if isinstance(items[position], ast.AST):
                        k, items[position] = self.value(items[position], k)
                if any(a is not b for a, b in zip(items, old)):
                    changes[field] = items
        if not changes:
            return k, e
        new = copy.copy(e)
        for field, child in changes.items():
            setattr(new, field, child)
        return k, new

    def _operands(self, e, k):
        """The value of and/or: each operand but the last may be the answer."""
        after, last = self.value(e.values[-1], k)
        values = [last]
        for operand in reversed(e.values[:-1]):
            step = advance(self.number, k.ways) if k.ways else None
            no, yes = no_yes(operand)
            answers = (no, yes) if isinstance(e.op, ast.And) else (yes, no)
            after, new = self.value(operand, choice(k, after, answers=answers))
            if step is not None:
                step = at(step, operand)
                values.insert(0, step if isinstance(e.op, ast.And) else at(ast.UnaryOp(ast.Not(), step), operand))
            values.insert(0, new)
        new = copy.copy(e)
        new.values = values
        return after, new

    def _conditional(self, e, k):
        yes, body = self.value(e.body, k)
        no, orelse = self.value(e.orelse, k)
        yes, no = at_line(yes, e.body.lineno), at_line(no, e.orelse.lineno)
        new = copy.copy(e)
        new.body, new.orelse = body, orelse
        if self._is_leaf(e.test):
            if yes.ways:
                new.orelse = at(conjunction(advance(self.number, yes.ways), orelse), e.orelse)
            answers = answer(e.test, "yes"), answer(e.test, "no")
            node, new.test = self.value(e.test, choice(yes, no, answers=answers))
        else:
            node, new.test = self.test(e.test, yes, no)
        return node, new

    def _chain(self, e, short, k):
        """`a < b < c`: what stands after the second operator is evaluated only if the first comparison holds, so the
        increment goes there. `short` is where a comparison that fails before the last goes on."""
        new, comparators = copy.copy(e), list(e.comparators)
        for position in range(len(comparators) - 1, 0, -1):
            k, comparators[position] = self.value(comparators[position], k)
            if short.ways:
                step = conjunction(advance(self.number, short.ways), comparators[position])
                comparators[position] = at(step, e.comparators[position])
            k = choice(short, k, answers=(answer(e, "no", e.comparators[position - 1]), None))
        k, comparators[0] = self.value(comparators[0], k)
        new.comparators = comparators
        k, new.left = self.value(e.left, k)
        return k, new

    def _is_leaf(self, e):
        if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.Not):
            return self._is_leaf(e.operand)
        chained = isinstance(e, ast.Compare) and len(e.ops) > 1
        return not (chained or isinstance(e, (ast.BoolOp, ast.IfExp)) or constant_truth(e) is not None)

    def test(self, e, t, f):
        """A condition: only its truth is used, so increments may stand for its value."""
        if self.blind:
            node, new = self._children(e, choice(f, t, answers=no_yes(e)))
            return node, at(conjunction(new, advance(self.number, f.ways)), e) if f.ways else new
        truth = constant_truth(e)
        if truth is not None:
            return (t if truth else f), e
        if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.Not):
            node, operand = self.test(e.operand, f, t)
            new = copy.copy(e)
            new.operand = operand
            return node, new
        if isinstance(e, ast.BoolOp):
            is_and = isinstance(e.op, ast.And)
            node, last = self.test(e.values[-1], t, f)
            values = [last]
            for operand in reversed(e.values[:-1]):
                node, new = self.test(operand, node, f) if is_and else self.test(operand, t, node)
                values.insert(0, new)
            new = copy.copy(e)
            new.values = values
            return node, new
        if isinstance(e, ast.IfExp):
            yes, body = self.test(e.body, t, f)
            no, orelse = self.test(e.orelse, t, f)
            node, condition = self.test(e.test, yes, no)
            new = copy.copy(e)
            new.test, new.body, new.orelse = condition, body, orelse
            return node, new
        if isinstance(e, ast.Compare) and len(e.ops) > 1:
            node, new = self._chain(e, f, choice(f, t, answers=no_yes(e)))
        else:
            node, new = self.value(e, choice(f, t, answers=no_yes(e)))
        return node, at(conjunction(new, advance(self.number, f.ways)), e) if f.ways else new

    def _lambda(self, e, k):
        arguments, new = e.args, copy.copy(e)
        for name in ("kw_defaults", "defaults"):
            items = list(getattr(arguments, name))
            for position in range(len(items) - 1, -1, -1):
                if items[position] is not None:
                    k, items[position] = self.value(items[position], k)
            arguments = copy.copy(arguments)
            setattr(arguments, name, items)
        new.args = arguments
        if self.walrus:
            new = self.inner_lambda(new)
        return k, new

    def _comprehension(self, e, k):
        """Paths of a comprehension are those of one item: where it was dropped, or how its element was made. They start
        and end by themselves, so the path around the comprehension goes straight through it."""
        if not self.walrus:
            return k, e
        state = self.number, self.walrus
        new, generators = copy.copy(e), [copy.copy(generator) for generator in e.generators]
        self.walrus = False
        for generator in generators:
            _, generator.iter = self.value(generator.iter, Node(1))
        self.walrus = True
        self.number = self.fresh("q")
        fields = ["key", "value"] if isinstance(e, ast.DictComp) else ["elt"]
        deciding = [field for field in fields if branches(getattr(e, field))] if not self.blind else []
        node = at_line(Node(1, end="item"), getattr(e, fields[0]).lineno)
        for field in reversed(fields):
            node, element = self.value(getattr(e, field), node)
            setattr(new, field, element)
        for level, generator in reversed(list(enumerate(generators))):
            last = level == len(generators) - 1
            node = self._conditions(generator, node if last else Node(1, end="item"), last, bool(deciding), e)
        if deciding:
            element = getattr(new, fields[-1])
            pair = ast.Tuple(elts=[element, count_expression(self.number)], ctx=ast.Load())
            setattr(new, fields[-1], at(item(pair, constant(0)), element))
        new.generators = generators
        self.number, self.walrus = state
        self.has_items = self.has_items or isinstance(e, ast.GeneratorExp)
        return k, new

    def _conditions(self, generator, node, last, deciding, e):
        """The `if`s of one `for` of a comprehension, with the item's number set before and counted where it ends."""
        if self.blind or not (generator.ifs or (last and deciding)):
            generator.ifs = [self.value(condition, Node(1))[1] for condition in generator.ifs]
            return node
        conditions = []
        if last and not deciding:
            conditions.append(at(ast.UnaryOp(ast.Not(), count_expression(self.number)), e))
        for condition in reversed(generator.ifs):
            drop = at_line(Node(1, end="item"), condition.lineno)
            node, new = self.test(condition, node, drop)
            conditions.insert(0, at(ast.BoolOp(ast.Or(), [new, count_expression(self.number)]), condition))
        first = constant(None)
        self.late_starts.append((first, node))
        conditions.insert(0, at(ast.NamedExpr(store(self.number), first), e))
        generator.ifs = conditions
        return node


def constant_truth(e):
    """True or False for a literal that Python itself decides while compiling; None otherwise."""
    return bool(e.value) if isinstance(e, ast.Constant) else None
