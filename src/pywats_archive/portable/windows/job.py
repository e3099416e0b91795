"""A Windows job object for a process: limits its memory, and ends what it started when it ends."""

from __future__ import annotations

import ctypes
from typing import Any

from pywats_archive.portable.windows.kernel32 import kernel32, last_error

_BASIC_ACCOUNTING, _EXTENDED_LIMITS = 1, 9
_LIMIT_PROCESS_MEMORY, _LIMIT_KILL_ON_CLOSE = 0x100, 0x2000
_Size, _Word = ctypes.c_size_t, ctypes.c_uint32


class _Limits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION, as the Windows SDK has it."""

    _fields_ = [
        ("times", ctypes.c_int64 * 2),
        ("flags", _Word),
        ("working_set", _Size * 2),
        ("active_process_limit", _Word),
        ("affinity", _Size),
        ("priority_and_scheduling", _Word * 2),
        ("io", ctypes.c_uint64 * 6),
        ("process_memory", _Size),
        ("job_memory", _Size),
        ("peaks", _Size * 2),
    ]


class _Accounting(ctypes.Structure):
    """JOBOBJECT_BASIC_ACCOUNTING_INFORMATION."""

    _fields_ = [("times", ctypes.c_int64 * 4), ("faults_and_processes", _Word * 2), ("active", _Word), ("ended", _Word)]


class WindowsJob:
    """The job of a process; Windows ends all other processes in it when this process ends."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._handle = kernel.CreateJobObjectW(None, None)
        self._checked(self._handle)
        self.limit_memory(None)
        self._checked(kernel.AssignProcessToJobObject(self._handle, kernel.GetCurrentProcess()))

    @classmethod
    def around_this_process(cls) -> WindowsJob:
        """Create a job with this process in it; OSError if Windows refuses."""
        return cls(kernel32())

    def limit_memory(self, limit_bytes: int | None) -> None:
        """Limit the bytes that each process of the job may commit; None removes the limit."""
        flags = _LIMIT_KILL_ON_CLOSE | (_LIMIT_PROCESS_MEMORY if limit_bytes else 0)
        limits = _Limits(flags=flags, process_memory=limit_bytes or 0)
        size = ctypes.sizeof(limits)
        self._checked(self._kernel.SetInformationJobObject(self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), size))

    @property
    def other_processes(self) -> int:
        """Return the number of other processes in the job."""
        found = _Accounting()
        query, size = self._kernel.QueryInformationJobObject, ctypes.sizeof(found)
        self._checked(query(self._handle, _BASIC_ACCOUNTING, ctypes.byref(found), size, None))
        return max(0, int(found.active) - 1)

    @staticmethod
    def _checked(succeeded: int | None) -> None:
        if not succeeded:
            raise OSError(last_error(), "the job object of a worker process cannot be used")
