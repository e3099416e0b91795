"""Python sources as syntax trees."""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()


def parsed(source: bytes) -> ast.Module:
    """Parse a source; SyntaxError or ValueError if it is none. Safe to use from many threads.

    ``ast.parse`` is not in CPython 3.11: all threads share the count of its recursion (python/cpython issue 106905).
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source)
