"""Lets us know, inside a cell, that a statement has just bound `predictor`: the same cell may call it two lines below.

A transformer of IPython's inserts a call after each such statement at the top of a cell. Functions are compiled from
the same tree as without it, so their code objects stay comparable with the source; nothing is inserted after the last
statement, whose value the notebook shows.
"""

from __future__ import annotations

import ast
from typing import List, Set

__all__ = ["HOOK", "BindingMarks"]

#: The name in `builtins` that the inserted statement calls.
HOOK = "__galley_bound__"


class BindingMarks(ast.NodeTransformer):
    """For `shell.ast_transformers`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Module(self, module: ast.Module) -> ast.Module:
        """Only the top of the cell is visited."""
        body: List[ast.stmt] = []
        for position, statement in enumerate(module.body):
            body.append(statement)
            if position + 1 < len(module.body) and self._name in _names_bound(statement):
                call = ast.Expr(ast.Call(ast.Name(HOOK, ast.Load()), [], []))
                for node in ast.walk(call):
                    if isinstance(node, (ast.expr, ast.stmt)):
                        ast.copy_location(node, statement)
                body.append(call)
        module.body = body
        return module


def _names_bound(statement: ast.stmt) -> Set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
