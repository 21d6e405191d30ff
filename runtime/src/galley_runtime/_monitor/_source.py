"""The sources that functions come from: executed cells of the model layer and modules of the repository."""

import ast
import functools
import hashlib
import io
import os
import re
import tokenize
import __future__

FALLBACK = re.compile(r"#\s*galley:\s*fallback\b")
_MAGIC = re.compile(r"^(\s*)[%!?]|^\s*[A-Za-z_][\w.]*\s*=\s*[%!]|^[^#'\"]*\?{1,2}\s*$")
SEGMENT = 120  # characters of a condition that are shown
_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag


class Source:
    """One cell (`notebook`, `cell`) or one file (`file`, relative to the repository)."""

    def __init__(self, text, filename, notebook=None, cell=None, file=None, flags=0):
        self.text = text
        self.filename = filename
        self.notebook = notebook
        self.cell = cell
        self.file = file
        self.lines = text.splitlines()
        self._flags = flags

    def parse(self):
        """The tree; lines that only a notebook understands become blank where they stand alone. Raises SyntaxError."""
        try:
            return compile(self.text, self.filename, "exec", self._flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        except SyntaxError:
            lines = [_MAGIC.sub(_pass, line, count=1) if _MAGIC.match(line) else line for line in self.lines]
            plain = "\n".join("pass" if line == _BLANKED else line.replace(_BLANKED, "pass") for line in lines)
            return compile(plain, self.filename, "exec", self._flags | ast.PyCF_ONLY_AST, dont_inherit=True)

    def compile(self, tree):
        return compile(tree, self.filename, "exec", self._flags, dont_inherit=True)

    def futures(self, tree):
        """Flags of `from __future__` imports: a notebook's later cells inherit them."""
        flags = self._flags
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                for alias in node.names:
                    flags |= getattr(getattr(__future__, alias.name, None), "compiler_flag", 0) & _FUTURES
        return flags

    def fallback_lines(self, tree):
        """Lines whose running is a fallback: of the statement that carries the mark, or of the next one after a mark that
        stands alone or on an `else:`."""
        marked = {line for line, text in comments(self.text) if FALLBACK.match(text)}
        if not marked:
            return frozenset()
        spans = []
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) or (isinstance(node, ast.stmt) and not hasattr(node, "body")):
                last = node.lineno if isinstance(node, ast.ExceptHandler) else node.end_lineno
                spans.append((node.lineno, last))
            elif isinstance(node, ast.stmt):
                spans.append((node.lineno, node.lineno))
        lines = set()
        for mark in marked:
            own = [first for first, last in spans if first <= mark <= last]
            following = [first for first, _ in spans if first > mark]
            if own:
                lines.add(max(own))
            elif following:
                lines.add(min(following))
        return frozenset(lines)

    def segment(self, line, column, last_line, last_column):
        """The text between two places, on one line; columns count bytes of UTF-8, as those of a syntax tree do."""
        lines = [text.encode("utf-8", "surrogatepass") for text in self.lines[line - 1 : last_line]]
        if not lines:
            return ""
        lines[-1] = lines[-1][:last_column]
        lines[0] = lines[0][column:]
        return " ".join(b"\n".join(lines).decode("utf-8", "replace").split())[:SEGMENT]

    def place(self):
        """How ids name it."""
        return self.file if self.file is not None else self.notebook


def comments(text):
    """(line, comment) of a source that parses; nothing of one that does not."""
    try:
        return [
            (t.start[0], t.string)
            for t in tokenize.generate_tokens(io.StringIO(text).readline)
            if t.type == tokenize.COMMENT
        ]
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return [(i + 1, m.group()) for i, line in enumerate(text.splitlines()) for m in [FALLBACK.search(line)] if m]


def function_hash(source, first, last):
    """16 hex digits of a function's lines without comments and blank lines: equal on every version of Python, which
    neither token streams nor dumps of trees are."""
    remarks = dict(comments(source.text))
    kept = []
    for number in range(first, last + 1):
        line = source.lines[number - 1] if number <= len(source.lines) else ""
        remark = remarks.get(number)
        if remark is not None and line.rstrip().endswith(remark.rstrip()):
            line = line.rstrip()[: -len(remark.rstrip())]
        if line.strip():
            kept.append(line.rstrip())
    return hashlib.sha256("\n".join(kept).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def cell_sources(cells):
    """Sources of cells.json in the order in which they ran; the last run of a cell comes last."""
    flags = 0
    sources = []
    for cell in cells:
        filename = cell.get("filename") or "%s#cell=%d" % (cell["notebook"], cell["cell"])
        source = Source(cell["source"], filename, cell["notebook"], cell["cell"], flags=flags)
        try:
            flags = source.futures(source.parse())
        except (SyntaxError, ValueError):
            pass  # the notebook ran it, so IPython understood it: its functions are listed as without source
        sources.append(source)
    return sources


@functools.lru_cache(maxsize=4096)
def _real_folder(folder):
    return os.path.realpath(folder)


def module_source(module, app_dir):
    """The source of a loaded module that lies in the repository, or None."""
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not path.endswith(".py"):
        return None
    root = _real_folder(app_dir) + os.sep
    # By folders first: a start looks at every loaded module, and resolving 1,600 paths took as long as the profiling itself.
    if not (_real_folder(os.path.dirname(path)) + os.sep).startswith(root):
        return None
    real = os.path.realpath(path)
    if not real.startswith(root):
        return None
    try:
        with tokenize.open(real) as file:
            return Source(file.read(), path, file=real[len(root) :])
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


_BLANKED = "\0"


def _pass(match):
    return (match.group(1) or "") + _BLANKED + "#"
