"""Whether another program has a file open for writing: real programs on Linux, Windows by its own calls' results."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S
from tests.windows import foreign_kernel

from pywats_archive.portable import open_files

linux = pytest.mark.skipif(sys.platform != "linux", reason="leases and /proc are Linux'")
_INVALID = 2 ** (8 * ctypes.sizeof(ctypes.c_void_p)) - 1


@contextmanager
def opened(path: Path, mode: str) -> Iterator[None]:
    """Have another program hold a file open."""
    code = f"import sys; f = open({str(path)!r}, {mode!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout and program.stdin
        program.stdout.readline()
        try:
            yield
        finally:
            program.stdin.close()


@linux
@pytest.mark.parametrize(("mode", "is_written"), [("a", True), ("r+", True), ("r", False)])
def test_a_lease_tells_who_writes(tmp_path: Path, mode: str, is_written: bool) -> None:
    """A file is written to as long as a program has it open for writing, and not when one only reads it."""
    path = tmp_path / "a.log"
    path.write_bytes(b"x")
    with opened(path, mode):
        assert open_files.lease(path) is is_written
        assert open_files.has_writer(path) is is_written
    assert open_files.lease(path) is False


@linux
def test_a_writer_that_comes_while_a_lease_is_held_ends_nobody(tmp_path: Path) -> None:
    """The signal that a lease's breaking sends does nothing, and the writer goes on as soon as the lease is given back."""
    code = (
        "import sys, threading, os, pathlib\n"
        "from pywats_archive.portable import open_files as openfiles\n"
        "path, stop = pathlib.Path(sys.argv[1]), threading.Event()\n"
        "def write():\n"
        "    for _ in range(3000):\n"
        "        os.close(os.open(path, os.O_WRONLY))\n"
        "    stop.set()\n"
        "threading.Thread(target=write).start()\n"
        "while not stop.is_set():\n"
        "    openfiles.lease(path)\n"
    )
    path = tmp_path / "a.log"
    path.write_bytes(b"x")
    ended = subprocess.run([sys.executable, "-c", code, str(path)], timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0


@linux
def test_without_a_lease_the_processes_are_asked(tmp_path: Path) -> None:
    """Where no lease can be had, a program that writes is found among those that may be seen; a reader is none."""
    path, other = tmp_path / "a.log", tmp_path / "b.log"
    path.write_bytes(b"x")
    other.write_bytes(b"x")
    with opened(path, "a"), opened(other, "r"):
        processes = open_files.ProcessTable()
        assert open_files.has_writer(path, ask_lease=lambda _: None, processes=processes) is True
        assert open_files.has_writer(other, ask_lease=lambda _: None, processes=processes) is None


@linux
def test_on_a_share_no_lease_is_asked_for(tmp_path: Path) -> None:
    """A share refuses leases for reasons of its own, which must not keep its files waiting for ever."""
    path = tmp_path / "a.log"
    path.write_bytes(b"x")
    assert open_files.has_writer(path, is_remote=True, ask_lease=lambda _: True) is None


def test_the_processes_are_not_asked_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking through all open files takes a twentieth of the time at most, however many sources wait."""
    moments = iter([0.0, 0.5, 5.0, 10.4, 10.6, 11.0])
    table = open_files.ProcessTable(tmp_path, now_s=lambda: next(moments))
    looked: list[int] = []

    def look() -> Iterator[tuple[int, int]]:
        looked.append(1)
        return iter(())

    monkeypatch.setattr(table, "_written", look)
    (tmp_path / "a.log").touch()
    for expected in (1, 1, 1, 2):
        table.has(tmp_path / "a.log")
        assert len(looked) == expected


@pytest.mark.parametrize(
    ("handle", "error", "answer"), [(_INVALID, 32, True), (_INVALID, 5, None), (_INVALID, 2, None), (77, 0, False)]
)
def test_windows_is_asked_by_a_sharing_mode(tmp_path: Path, handle: int, error: int, answer: bool | None) -> None:
    """Only a sharing violation tells of a writer: a file that is read-only, or gone, has none."""
    asked: list[tuple[str, int]] = []
    closed: list[int] = []

    def create(path: int, access: int, share: int, *more: int) -> int:
        asked.append((ctypes.wstring_at(path), share))
        return handle

    def close(each: int) -> int:
        closed.append(each)
        return 1

    kernel = foreign_kernel(CreateFileW=create, CloseHandle=close)
    path = tmp_path / "a.log"
    assert open_files.sharing(path, open_kernel=lambda: kernel, error=lambda: error) is answer
    assert asked == [(str(path), 0x1 | 0x4)]
    assert closed == ([77] if answer is False else [])
    assert open_files.has_writer(path, windows=True, ask_windows=lambda _: answer) is answer


@pytest.mark.parametrize(("effective", "may"), [("000001ffffffffff", True), ("0000000010000000", True), ("0", False)])
def test_leases_on_all_accounts_files_need_a_capability(tmp_path: Path, effective: str, may: bool) -> None:
    """Without CAP_LEASE only the files of the service's own account can be asked for."""
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapEff:\t{effective}\n")
    assert open_files.may_ask_for_all(status) is may
    assert open_files.may_ask_for_all(tmp_path / "missing") is False
