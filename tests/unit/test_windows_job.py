from __future__ import annotations

import ctypes

import pytest
from tests.windows import JOB_HANDLE, PSEUDO_HANDLE, foreign_kernel, unsigned

from pywats_archive.portable.windows.job import WindowsJob, _Accounting, _Limits

pytestmark = pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="handles and sizes of 64-bit Windows")


class Kernel:
    """Stands for kernel32 behind real foreign calls: keeps what it was given."""

    def __init__(self, *, answers: int = 1) -> None:
        self.answers = answers
        self.limits: list[tuple[int, int]] = []
        self.active = 3
        self.assigned: list[tuple[int, int]] = []
        self.foreign = foreign_kernel(
            CreateJobObjectW=lambda security, name: JOB_HANDLE,
            GetCurrentProcess=lambda: PSEUDO_HANDLE,
            AssignProcessToJobObject=self._assign,
            SetInformationJobObject=self._set,
            QueryInformationJobObject=self._query,
        )

    def _assign(self, job: int, process: int) -> int:
        self.assigned.append((job, process))
        return self.answers

    def _set(self, job: int, kind: int, pointer: int, size: int) -> int:
        limits = _Limits.from_address(pointer)
        assert (job, kind, size) == (JOB_HANDLE, 9, ctypes.sizeof(_Limits))
        self.limits.append((limits.flags, limits.process_memory))
        return self.answers

    def _query(self, job: int, kind: int, pointer: int, size: int, length: object) -> int:
        assert (job, kind, size, length) == (JOB_HANDLE, 1, ctypes.sizeof(_Accounting), None)
        _Accounting.from_address(pointer).active = self.active
        return self.answers


def test_a_job_ends_all_with_its_process_and_limits_memory() -> None:
    """On Windows what a worker starts ends with it, and its memory is limited for the job at hand alone."""
    kernel = Kernel()
    job = WindowsJob(kernel.foreign)
    job.limit_memory(400_000_000)
    job.limit_memory(None)
    assert kernel.limits == [(0x2000, 0), (0x2100, 400_000_000), (0x2000, 0)]
    assert job.other_processes == 2


def test_handles_of_64_bits_pass_whole() -> None:
    """The process that is put into the job is this one: its pseudo handle has all bits set."""
    kernel = Kernel()
    WindowsJob(kernel.foreign)
    assert kernel.assigned == [(JOB_HANDLE, unsigned(PSEUDO_HANDLE))]


def test_a_refusal_is_an_error() -> None:
    """A worker that cannot be sandboxed says so."""
    with pytest.raises(OSError, match="job object"):
        WindowsJob(Kernel(answers=0).foreign)


def test_the_structures_have_the_sizes_that_windows_expects() -> None:
    """144 and 48 bytes, by the SDK's declarations on 64 bits."""
    assert (ctypes.sizeof(_Limits), ctypes.sizeof(_Accounting)) == (144, 48)
