"""A kernel32 for tests: real foreign functions over Python ones, so that ctypes converts what goes in and out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from pywats_archive.portable.windows.kernel32 import PROTOTYPES, declared

PSEUDO_HANDLE = -1
"""What GetCurrentProcess returns."""
JOB_HANDLE = 0x7FFF_1234_5678
"""A handle that 32 bits do not hold."""
_LARGEST = 2 ** (8 * ctypes.sizeof(ctypes.c_void_p))


class _Function(ctypes._CFuncPtr):  # type: ignore[name-defined, misc, unused-ignore]
    """A function as ``CDLL`` makes it: a result of 32 bits, no arguments declared."""

    _flags_ = 1  # FUNCFLAG_CDECL
    _restype_ = ctypes.c_int


class ForeignKernel:
    """Functions by name, none with its prototype yet; ``declared`` sets them."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self._kept: list[Any] = []
        for name in PROTOTYPES:
            setattr(self, name, self._foreign(name, functions.get(name, lambda *_: 0)))

    def _foreign(self, name: str, function: Callable[..., Any]) -> Any:
        result, arguments = PROTOTYPES[name]
        plain = [argument if argument in (ctypes.c_int, ctypes.c_uint32) else ctypes.c_void_p for argument in arguments]
        callback = ctypes.CFUNCTYPE(result, *plain)(function)
        self._kept.append(callback)
        return _Function(ctypes.cast(callback, ctypes.c_void_p).value)


def foreign_kernel(**functions: Callable[..., Any]) -> Any:
    """Make a kernel with its prototypes, as the product opens it."""
    return declared(ForeignKernel(**functions))


def unsigned(handle: int | None) -> int:
    """Return a handle as C sees it."""
    return int((handle or 0) % _LARGEST)
