"""The script that a worker process imports again: a spawned process begins with the main module of its parent."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType

from pywats_archive.errors import UsageError
from pywats_archive.host.syntax import parsed


def require_guard() -> None:
    """Raise UsageError if each worker process would run the main script again, from its beginning."""
    main = sys.modules.get("__main__")
    line = _line_in(main) if main and _is_imported_again(main) else None
    if main is None or line is None:
        return
    path = Path(str(main.__file__))
    if not path.is_file():
        raise UsageError(f"{path}: this call starts processes that import this script again; save it as a file first")
    with suppress(OSError, SyntaxError, ValueError):  # without its source, nothing is known
        if not _is_guarded(parsed(path.read_bytes()), line):
            raise UsageError(
                f"{path}, line {line}: this call starts processes that import this script again; "
                'move the code of the script into a function, and call the function below: if __name__ == "__main__":'
            )


def _is_imported_again(main: ModuleType) -> bool:
    name = getattr(main.__spec__, "name", "")
    is_program = name == "__main__" or name.endswith(".__main__") or hasattr(sys, "frozen")
    return bool(getattr(main, "__file__", None)) and not is_program


def _line_in(main: ModuleType) -> int | None:
    """Return the line that the module executes; None if it is complete, as that of an interactive session."""
    frames = (frame for innermost in sys._current_frames().values() for frame in _outwards(innermost))
    own = (frame for frame in frames if frame.f_globals is vars(main) and frame.f_code.co_name == "<module>")
    return next((frame.f_lineno for frame in own), None)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


def _is_guarded(tree: ast.Module, line: int) -> bool:
    """Return whether a line is in the body of an ``if`` that asks for ``__name__``."""
    return any(
        isinstance(node, ast.If)
        and node.lineno <= line <= (node.end_lineno or line)
        and any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(node.test))
        for node in ast.walk(tree)
    )
