from __future__ import annotations

import ctypes
from typing import Any

import pytest

from pywats_archive.host.windows_job import WindowsJob, _Accounting, _Limits


class Kernel:
    """Stands for kernel32: keeps what it was told."""

    def __init__(self, *, answers: int = 1) -> None:
        self.answers = answers
        self.limits: list[tuple[int, int]] = []
        self.active = 3

    def CreateJobObjectW(self, security: object, name: object) -> int:
        return 77

    def GetCurrentProcess(self) -> int:
        return -1

    def AssignProcessToJobObject(self, job: int, process: int) -> int:
        assert (job, process) == (77, -1)
        return self.answers

    def SetInformationJobObject(self, job: Any, kind: int, pointer: Any, size: int) -> int:
        limits = ctypes.cast(pointer, ctypes.POINTER(_Limits)).contents
        assert (job.value, kind, size) == (77, 9, ctypes.sizeof(_Limits))
        self.limits.append((limits.flags, limits.process_memory))
        return self.answers

    def QueryInformationJobObject(self, job: Any, kind: int, pointer: Any, size: int, length: object) -> int:
        ctypes.cast(pointer, ctypes.POINTER(_Accounting)).contents.active = self.active
        return self.answers


def test_a_job_ends_all_with_its_process_and_limits_memory() -> None:
    """On Windows what a worker starts ends with it, and its memory is limited for the job at hand alone."""
    kernel = Kernel()
    job = WindowsJob(kernel)
    job.limit_memory(400_000_000)
    job.limit_memory(None)
    assert kernel.limits == [(0x2000, 0), (0x2100, 400_000_000), (0x2000, 0)]
    assert job.other_processes == 2


def test_a_refusal_is_an_error() -> None:
    """A worker that cannot be fenced in says so."""
    with pytest.raises(OSError, match="job object"):
        WindowsJob(Kernel(answers=0))


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="sizes of 64-bit Windows")
def test_the_structures_have_the_sizes_that_windows_expects() -> None:
    """144 and 48 bytes, by the SDK's declarations on 64 bits."""
    assert (ctypes.sizeof(_Limits), ctypes.sizeof(_Accounting)) == (144, 48)
