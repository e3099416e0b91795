"""Calls into the operating system's libraries."""

from __future__ import annotations

import ast
import ctypes
from contextlib import suppress
from pathlib import Path

import pytest
from tests.windows import JOB_HANDLE, PSEUDO_HANDLE, ForeignKernel, foreign_kernel, unsigned

import pywats_archive
from pywats_archive.portable import processes
from pywats_archive.portable.windows.kernel32 import PROTOTYPES

_SOURCES = sorted(Path(pywats_archive.__file__).parent.rglob("*.py"))


def test_every_function_in_use_has_its_prototype() -> None:
    """Whatever is called on kernel32 anywhere in the project is declared, and nothing else is."""
    called = {
        node.attr
        for path in _SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr[0].isupper()
        and isinstance(node.value, (ast.Name, ast.Attribute))
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) in ("opened", "kernel", "_kernel")
    }
    assert called == PROTOTYPES.keys()


def test_libraries_are_opened_in_one_place() -> None:
    """No module opens kernel32 beside the one that declares its functions, and libc's only with the prototype there."""
    opening = ("windll", "WinDLL", "CDLL", "cdll", "oledll", "OleDLL")
    found = {
        (path.name, node.attr)
        for path in _SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in opening
    }
    assert found == {("kernel32.py", "WinDLL"), ("sandbox.py", "CDLL"), ("flusher.py", "CDLL"), ("files.py", "CDLL")}


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="handles of 64 bits")
def test_the_kernel_of_these_tests_does_as_ctypes_does() -> None:
    """Without a prototype a handle of 64 bits does not pass whole (on Windows: not at all), with it it does."""
    given: list[int] = []

    def assign(job: int, process: int) -> int:
        given.append(job)
        return 1

    for kernel in (ForeignKernel(AssignProcessToJobObject=assign), foreign_kernel(AssignProcessToJobObject=assign)):
        with suppress(ctypes.ArgumentError):
            kernel.AssignProcessToJobObject(JOB_HANDLE, 0)  # type: ignore[union-attr]
    assert given.pop() == JOB_HANDLE and JOB_HANDLE not in given


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="handles of 64 bits")
def test_giving_way_asks_for_this_process() -> None:
    """A replay's workers run below normal priority on Windows too."""
    given: list[tuple[int, int]] = []

    def set_priority(process: int, priority: int) -> int:
        given.append((process, priority))
        return 1

    kernel = foreign_kernel(GetCurrentProcess=lambda: PSEUDO_HANDLE, SetPriorityClass=set_priority)
    processes.lower_priority(windows=True, kernel=lambda: kernel)
    assert given == [(unsigned(PSEUDO_HANDLE), 0x4000)]


def test_a_thread_gets_low_priority_by_a_whole_handle() -> None:
    """The handle of the thread itself is -2, which needs 64 bits."""
    given = []

    def set_priority(handle: int, priority: int) -> int:
        given.append((handle, priority))
        return 1

    kernel = foreign_kernel(GetCurrentThread=lambda: PSEUDO_HANDLE, SetThreadPriority=set_priority)
    processes.lower_thread_priority(windows=True, kernel=lambda: kernel)
    assert given == [(unsigned(PSEUDO_HANDLE), -1)]
