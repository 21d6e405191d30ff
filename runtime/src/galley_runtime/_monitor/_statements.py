"""Numbering and instrumenting statements, from the last to the first: `walk(statements, k)` is (node, new statements).

Where a jump goes on travels along in a `Jumps`. The rules, construct by construct, are
monitoring.md §4.3; each method says what its own adds.
"""

import ast
import copy

from ._expressions import Expressions, constant_truth
from ._graph import answer, at_line, choice, cut_node, no_yes, padded, raise_node
from ._syntax import (
    BASE_EXCEPTION,
    FUNCTIONS,
    LOOPS,
    MATCH,
    NUMBER,
    WITHS,
    advance_statement,
    advance,
    assign,
    at,
    blocks,
    conjunction,
    constant,
    contains,
    continues_through_finally,
    count_statement,
    jumps,
    load,
    plus,
)

SPLIT = 1_000_000  # ways after which a function is cut: beyond, a number says nothing that a person could use


class Jumps:
    """Where return, break and continue go on, and what has to be done before a `continue`."""

    def __init__(self, leave, stop=None, again=None, back=None, fixed=False):
        self.leave = leave
        self.stop = stop
        self.again = again
        self.back = back
        self.fixed = fixed  # inside a shared `finally`: no cuts, so no numbering inside loops

    def to(self, **changes):
        new = copy.copy(self)
        new.__dict__.update(changes)
        return new


class Statements(Expressions):
    """Mixed into the numbering of a function."""

    def walk(self, statements, k, jumps):
        new = []
        for statement in reversed(statements):
            node, part = self.statement(statement, k, jumps)
            if node.ways > SPLIT and k.end is not None:
                node, part = self._blind(statement, k, jumps)
            elif node.ways > SPLIT and not jumps.fixed:
                first = constant(self.starts.add(k))
                node, part = self._small(statement, jumps)
                part = part + at_all([count_statement(), assign(NUMBER, first)], statement)
            new[:0] = part
            k = node
        return k, new

    def _small(self, statement, jumps):
        """A statement before a cut; what alone has too many ways is not looked into."""
        node, part = self.statement(statement, cut_node(), jumps)
        return (node, part) if node.ways <= SPLIT else self._blind(statement, cut_node(), jumps)

    def _blind(self, statement, k, jumps):
        self.coarse = True
        blind, self.blind = self.blind, True
        try:
            return self.statement(statement, k, jumps)
        finally:
            self.blind = blind

    def statement(self, s, k, jumps):
        if isinstance(s, ast.If):
            node, new = self._if(s, k, jumps)
        elif isinstance(s, LOOPS):
            node, new = self._loop(s, k, jumps)
        elif isinstance(s, WITHS):
            node, new = self._with(s, k, jumps)
        elif isinstance(s, ast.Try):
            node, new = self._try(s, k, jumps)
        elif MATCH and isinstance(s, MATCH):
            node, new = self._match(s, k, jumps)
        elif isinstance(s, ast.Return):
            node, new = self._children(s, jumps.leave)
            new = [new]
        elif isinstance(s, ast.Raise):
            node, new = self._children(s, raise_node())
            new = [new]
        elif isinstance(s, ast.Break):
            node, new = jumps.stop, [s]
        elif isinstance(s, ast.Continue):
            node, new = jumps.again, at_all(jumps.back(), s) + [s] if jumps.back else [s]
        elif isinstance(s, ast.Assert):
            node, test = self.test(s.test, k, raise_node())
            new = copy.copy(s)
            new.test = test
            new = [new]
        elif isinstance(s, FUNCTIONS + (ast.ClassDef,)):
            node, new = self._definition(s, k)
        elif isinstance(s, ast.AnnAssign) and s.value is None:
            node, new = k, [s]
        elif isinstance(s, ast.AnnAssign):
            node, value = self.value(s.value, k)
            new = copy.copy(s)
            new.value = value
            new = [new]
        else:
            node, new = self._children(s, k)
            new = [new]
        return at_line(node, s.lineno), new

    def _if(self, s, k, jumps):
        yes, body = self.walk(s.body, k, jumps)
        no, orelse = self.walk(s.orelse, k, jumps)
        new = copy.copy(s)
        new.body, new.orelse = body, orelse
        if self._is_leaf(s.test):
            no_answer, yes_answer = no_yes(s.test)
            if orelse:
                branch = choice(yes, no, answers=(yes_answer, no_answer))
            else:
                branch = choice(no, yes, answers=(no_answer, yes_answer))
            node, new.test = self.value(s.test, branch)
            if orelse and yes.ways:
                new.orelse = at_all([advance_statement(NUMBER, yes.ways)], s) + orelse
            elif not orelse and no.ways:
                new.body = at_all([advance_statement(NUMBER, no.ways)], s) + body
        else:
            node, new.test = self.test(s.test, yes, no)
        return node, [new]

    def _loop(self, s, k, jumps):
        """A path ends at each way back to the header and the next one starts there. Ending the loop is an edge too: its
        increment goes into the `else` that Python runs exactly then."""
        if jumps.fixed or self.blind:
            return self._unnumbered_loop(s, k, jumps)
        late = continues_through_finally(s.body)
        first = constant(None)

        def back():
            return [count_statement(), assign(NUMBER, first)]

        inside = jumps.to(stop=k, again=cut_node(), back=None if late else back)
        body_node, body = self.walk(s.body, cut_node(), inside)
        done, orelse = self.walk(s.orelse, k, jumps)
        new = copy.copy(s)
        endless = isinstance(s, ast.While) and constant_truth(s.test) is True
        if isinstance(s, ast.While):
            answers = answer(s.test, "yes"), answer(s.test, "no")
        else:
            answers = answer(s.iter, "next"), answer(s.iter, "end")
        header = body_node if endless else choice(body_node, done, answers=answers)
        if isinstance(s, ast.While):
            if late:
                pass  # the way back is counted inside the body, so the test must not add to the number before
            elif not self._is_leaf(s.test) and not endless:
                header, new.test = self.test(s.test, body_node, done)
        leaf = late or not isinstance(s, ast.While) or self._is_leaf(s.test)
        if isinstance(s, ast.While) and leaf and not late:
            header, new.test = self.value(s.test, header)
        header = at_line(header, s.lineno)
        first.value = self.starts.add(header)
        if leaf and not endless and body_node.ways:
            orelse = at_all([advance_statement(NUMBER, body_node.ways)], s) + orelse
        before = []
        if late:
            before, body, orelse = self._late_back(s, back(), body, orelse)
        else:
            body = body + at_all(back(), s)
        new.body, new.orelse = body, orelse
        if isinstance(s, ast.While):
            return header, before + [new]
        node, new.iter = self.value(s.iter, header)
        return node, before + [new]

    def _late_back(self, s, back, body, orelse):
        """A `continue` that runs a `finally` on its way is over only when the header is reached: there it is counted."""
        name = self.fresh("n")
        before = at_all([assign(name, constant(0))], s)
        arrived = at_all([ast.If(test=load(name), body=back, orelse=[])], s)
        body = arrived + at_all([assign(name, constant(1))], s) + body
        return before, body, copy.deepcopy(arrived) + orelse

    def _unnumbered_loop(self, s, k, jumps_out):
        """As one step: nothing inside is told apart but whether it returned."""
        leaving = "return" in jumps([s])
        if leaving and contains(s.body + s.orelse, ast.Try) and _returns_through_finally(s.body + s.orelse):
            raise NotNumbered("a loop that returns through finally in a part too branched to number")
        copier = BlindCopy(self, k.ways if leaving else 0)
        new = copier.generic_visit(s)
        return (choice(k, jumps_out.leave) if leaving else k), [new]

    def _with(self, s, k, jumps):
        """A context manager may swallow an exception: then the statement after follows, whatever the number is by then.
        So the number to go on with lies in a variable of its own, which only the end of the body replaces."""
        name = self.fresh("w")
        body_node, body = self.walk(s.body, k, jumps)
        set_aside = at_all([assign(name, plus(NUMBER, body_node.ways))], s)
        node = choice(body_node, k, answers=(None, answer(s.items[0].context_expr, "swallowed an exception")))
        new = copy.copy(s)
        new.items = []
        for item in reversed(s.items):
            item = copy.copy(item)
            node, item.context_expr = self.value(item.context_expr, node)
            new.items.insert(0, item)
        if any(a.context_expr is not b.context_expr for a, b in zip(new.items, s.items)):
            body = copy.deepcopy(set_aside) + body  # the managers' expressions may have added to the number
        new.body = body + at_all([assign(name, load(NUMBER))], s)
        return node, set_aside + [new] + at_all([assign(NUMBER, load(name))], s)

    def _try(self, s, k, jumps_out):
        """A handler goes on from the number at the `try`: what was run of the body before the exception is not told
        apart. A `finally` is numbered once for all the ways that it continues in."""
        if not s.finalbody:
            return self._handlers(s, k, jumps_out)
        inner = list(s.body) + list(s.orelse) + [part for handler in s.handlers for part in handler.body]
        leaving = jumps(inner)
        ends = {"normal": k}
        for kind, node in (("return", jumps_out.leave), ("break", jumps_out.stop), ("continue", jumps_out.again)):
            if kind in leaving and node is not None:
                ends[kind] = node
        swallows = bool(jumps(s.finalbody))
        if swallows:
            ends["exception"] = raise_node()
        most = max(node.ways for node in ends.values())
        fixed = jumps_out.fixed or len(ends) > 1
        if fixed and contains(s.finalbody, LOOPS) and jumps(s.finalbody):
            raise NotNumbered("a finally block that loops and jumps")
        starts, final = {}, None
        for kind, node in ends.items():
            starts[kind], part = self.walk(s.finalbody, padded(node, most), jumps_out.to(fixed=fixed))
            final = part if final is None else final
        inside = jumps_out.to(
            leave=starts.get("return", jumps_out.leave),
            stop=starts.get("break", jumps_out.stop),
            again=starts.get("continue", jumps_out.again),
        )
        guarded = copy.copy(s)
        guarded.finalbody = []
        if s.handlers:
            node, body = self._handlers(guarded, starts["normal"], inside)
        else:
            node, body = self.walk(s.body, starts["normal"], inside)
        if swallows:
            node, body = self._exceptional(s, node, body, starts["exception"])
        new = copy.copy(s)
        new.body, new.handlers, new.orelse, new.finalbody = body, [], [], final
        return node, [new]

    def _exceptional(self, s, node, body, start):
        """A `finally` that jumps ends the exception that it was entered with: the number starts again at the `try`."""
        name = self.fresh("s")
        reset = [assign(NUMBER, plus(name, node.ways)), ast.Raise(exc=None, cause=None)]
        handler = ast.ExceptHandler(type=constant(BASE_EXCEPTION), name=None, body=reset)
        wrapped = ast.Try(body=body, handlers=[handler], orelse=[], finalbody=[])
        return choice(node, start), at_all([assign(name, load(NUMBER)), wrapped], s)

    def _handlers(self, s, k, jumps):
        otherwise, orelse = self.walk(s.orelse, k, jumps)
        body_node, body = self.walk(s.body, otherwise, jumps)
        name = self.fresh("s")
        new = copy.copy(s)
        nodes, answers, handlers = [body_node], [None], []
        for handler in s.handlers:
            changed = copy.copy(handler)
            node, part = self.walk(handler.body, k, jumps)
            restart = assign(NUMBER, plus(name, sum(done.ways for done in nodes)))
            changed.body = at_all([restart], handler) + part
            nodes.append(at_line(node, handler.lineno))
            answers.append(answer(handler.type or s.body[0], "caught"))
            handlers.append(changed)
        new.body, new.orelse, new.handlers = body, orelse, handlers
        return choice(*nodes, answers=answers), at_all([assign(name, load(NUMBER))], s) + [new]

    def _match(self, s, k, jumps):
        """Between two patterns there is no place for an increment: going on to the next case is worth 0."""
        following = k
        cases = []
        for case in reversed(s.cases):
            body_node, body = self.walk(case.body, k, jumps)
            body_node = at_line(body_node, case.pattern.lineno)
            changed = copy.copy(case)
            changed.body = body
            if case.guard is None:
                taken = following.ways if not irrefutable(case.pattern) else 0
                if taken:
                    changed.body = at_all([advance_statement(NUMBER, taken)], s) + body
                if irrefutable(case.pattern):
                    following = body_node
                else:
                    following = choice(following, body_node, answers=(None, answer(case.pattern, "matches")))
            else:
                node, guard = self.test(case.guard, body_node, following)
                if following.ways:
                    guard = at(conjunction(advance(NUMBER, following.ways), guard), case.guard)
                changed.guard = guard
                following = choice(following, node, answers=(None, answer(case.pattern, "matches")))
            cases.insert(0, changed)
        new = copy.copy(s)
        new.cases = cases
        node, new.subject = self.value(s.subject, following)
        return node, [new]

    def _definition(self, s, k):
        """Decorators, defaults and bases are evaluated here; the body has paths of its own."""
        new = copy.copy(self.inner_definition(s))
        if isinstance(s, ast.ClassDef):
            for name in ("keywords", "bases"):
                k = self._each(new, name, k)
        else:
            new.args = copy.copy(new.args)
            for name in ("kw_defaults", "defaults"):
                k = self._each(new.args, name, k)
        return self._each(new, "decorator_list", k), [new]

    def _each(self, owner, name, k):
        items = list(getattr(owner, name))
        for position in range(len(items) - 1, -1, -1):
            if items[position] is not None:
                k, items[position] = self.value(items[position], k)
        setattr(owner, name, items)
        return k


class BlindCopy(ast.NodeTransformer):
    """Copies statements as they are, with the functions defined inside them instrumented and `ways` added to the number
    before each `return`."""

    def __init__(self, numbering, ways):
        self._numbering = numbering
        self._ways = ways

    def generic_visit(self, node):
        new = copy.copy(node)
        for field, old in ast.iter_fields(node):
            if isinstance(old, list):  # the visitor changes lists in place, and the tree that was given stays as it is
                setattr(new, field, list(old))
        return super().generic_visit(new)

    def visit_FunctionDef(self, node):
        return self._numbering.inner_definition(node)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node):
        return node

    def visit_Return(self, node):
        return at_all([advance_statement(NUMBER, self._ways)], node) + [node] if self._ways else node


def _returns_through_finally(statements):
    for statement in statements:
        if getattr(statement, "finalbody", None) and "return" in jumps([statement]):
            return True
        if not isinstance(statement, FUNCTIONS + (ast.ClassDef,)):
            if any(_returns_through_finally(part) for part in blocks(statement)):
                return True
    return False


class NotNumbered(Exception):
    """A function has a construct that is not numbered; the message is the reason that the state shows."""


def irrefutable(pattern):
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def at_all(statements, place):
    return [at(statement, place) for statement in statements]
