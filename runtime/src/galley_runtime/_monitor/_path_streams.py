"""Streams of paths: a cell for each path that the dictionary's requests took, then unseen and exception."""

import ast

from ._split import in_dictionary

MOST_CELLS = 4096
MOST_LISTED = 2000


def path_streams(profile, taken, everything_decides):
    """Streams for every profiled function. `taken`: a request each, a list of (function, {number: times}, raised)."""
    seen, decided, raised = {}, {}, {}
    for position, request in enumerate(taken):
        decides = everything_decides or in_dictionary(position)
        for function, counts, exceptions in request:
            seen.setdefault(function.stream, set()).update(counts)
            if decides:
                decided.setdefault(function.stream, set()).update(counts)
            for name, line in exceptions:
                raised.setdefault(function.stream, set()).add("%s at line %d" % (name, line))
    for function in profile.functions.values():
        numbers = sorted(seen.get(function.stream, ()))[:MOST_LISTED]
        cells = sorted(decided.get(function.stream, ()))[:MOST_CELLS]
        yield {
            "id": function.stream,
            "group": "paths",
            "kind": "paths",
            "function": function.describe(),
            **_paths(function, numbers),
            "exceptions": sorted(raised.get(function.stream, ())),
            "cells": [str(number) for number in cells] + ["unseen", "exception"],
        }


def _paths(function, numbers):
    """Each path with its lines and with what it decides, by the index of the question: paths ask the same ones."""
    cell = function.source.cell or 0
    questions, paths = {}, []
    for number in numbers:
        answers = [
            [questions.setdefault((line, text), len(questions)), word] for line, text, word in function.answers(number)
        ]
        paths.append(
            {
                "number": str(number),
                "lines": [[cell, line] for line in function.lines(number)],
                "answers": answers,
                "fallback": function.fallback_line(number) is not None,
            }
        )
    return {"questions": [list(question) for question in questions], "paths": paths}


def coverage(profile, taken):
    """How much of the scoring code the reference ran: statement lines of profiled functions, and what is not profiled."""
    passed = {}
    for request in taken:
        for function, counts, _ in request:
            passed.setdefault(function.stream, set()).update(counts)
    lines = lines_seen = 0
    for function in profile.functions.values():
        own = _statement_lines(function)
        seen = {line for number in passed.get(function.stream, ()) for line in function.lines(number)}
        lines += len(own)
        lines_seen += len(own & seen)
    return {"lines": lines, "linesSeen": lines_seen, "functions": len(profile.functions), "skipped": profile.skipped}


def _statement_lines(function):
    """Lines on which the body's statements start, without the docstring and without functions inside, which count for themselves."""
    try:
        tree = function.source.parse()
    except SyntaxError:
        return set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.line in (
            node.lineno,
            min([node.lineno] + [each.lineno for each in node.decorator_list]),
        ):
            return set(_lines(node.body[1:] if ast.get_docstring(node) is not None else node.body))
    return set()


def _lines(body):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, ast.stmt):
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler)):
                yield from _lines([child])
