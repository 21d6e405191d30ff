"""Numbers for acyclic paths (Ball and Larus 1996; monitoring.md §4.1), over nodes that are built from the end to the start.

A node knows how many ways lead from it to an end. The edges that leave it have values, running sums of the ways of those
before, so the values along any path add up to a number of its own, below the ways of the node where it started. An end
is the function's exit or a *cut*: a loop's back edge, where one path ends and the next starts at the loop's header.
"""


class Node:
    """Immutable once made. `line` is a source line that a path through here runs, or None. `answers`: of each edge, what
    was decided there, as `answer` makes it, or None."""

    __slots__ = ("ways", "edges", "line", "end", "answers")

    def __init__(self, ways, edges=(), line=None, end=None, answers=None):
        self.ways = ways
        self.edges = edges
        self.line = line
        self.end = end
        self.answers = answers


def exit_node():
    return Node(1, end="exit")


def cut_node():
    return Node(1, end="cut")


def raise_node():
    """No path with a number goes through a raise: a handler starts from the number at its `try`, and what leaves the
    function is counted as an exception."""
    return Node(0, end="raise")


def at_line(node, line):
    """`node` after a line of source."""
    return Node(node.ways, ((0, node),), line)


def choice(*targets, answers=None):
    """A branch; the first target's edge has the value 0, each further one the ways of those before."""
    edges, total = [], 0
    for target in targets:
        edges.append((total, target))
        total += target.ways
    return Node(total, tuple(edges), answers=answers)


def answer(node, word, last=None):
    """What an edge decides: where its question stands in the source, to the end of `last` if that is given, and the word
    that answers it. The tree itself is not held on to."""
    end = last or node
    return (node.lineno, node.col_offset, end.end_lineno, end.end_col_offset), word


def no_yes(node):
    """Answers of two edges: where a condition is false, and where it holds."""
    return answer(node, "no"), answer(node, "yes")


def padded(node, ways):
    """`node` with more ways than it has. A `finally` block continues in several places, its branches have one set of
    values: all of its ends must have as many ways as the largest. The numbers between are never used."""
    return node if node.ways == ways else Node(ways, ((0, node),))


class Starts:
    """Where paths of one function may start: loop headers, places where it was cut for size, comprehensions, the entry."""

    def __init__(self):
        self.total = 0
        self._entries = []  # (first number, node)

    def add(self, node):
        """The first number of the paths that start at `node`."""
        first = self.total
        if node.ways:
            self._entries.append((first, node))
        self.total += node.ways
        return first

    def places(self):
        return [(first, node.ways) for first, node in self._entries]

    def lines(self, number):
        """The source lines of a path, in order, without repetitions next to each other; [] for a number out of range."""
        lines = []
        for node, _ in self._steps(number):
            if node.line is not None and lines[-1:] != [node.line]:
                lines.append(node.line)
        return lines

    def answers(self, number):
        """What a path decides on its way, in order: (place, word) as `answer` makes them."""
        steps = self._steps(number)
        chosen = [node.answers[edge] for node, edge in steps if node.answers is not None and edge is not None]
        return [each for each in chosen if each is not None]

    def _steps(self, number):
        """The nodes of a path, each with the edge that it takes; None at its end."""
        chosen = None
        for first, node in self._entries:
            if first <= number < first + node.ways:
                chosen = (number - first, node)
        if chosen is None:
            return
        rest, node = chosen
        while True:
            step = None
            for edge, (value, target) in enumerate(node.edges):
                if value <= rest and target.ways:
                    step = edge
            yield node, step
            if step is None:  # the end, or a number between those of a padded node
                return
            value, node = node.edges[step]
            rest -= value
