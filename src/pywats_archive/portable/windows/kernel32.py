"""Windows' kernel32 with the prototype of every function in use; otherwise ctypes treats arguments and results as 32 bits."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from ctypes import POINTER, c_int, c_uint, c_uint32, c_ulonglong, c_void_p, c_wchar_p
from typing import Any

_HANDLE, _BOOL, _DWORD, _TEXT = c_void_p, c_int, c_uint32, c_wchar_p
PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "AssignProcessToJobObject": (_BOOL, [_HANDLE, _HANDLE]),
    "CloseHandle": (_BOOL, [_HANDLE]),
    "CreateFileW": (_HANDLE, [_TEXT, _DWORD, _DWORD, c_void_p, _DWORD, _DWORD, _HANDLE]),
    "CreateJobObjectW": (_HANDLE, [c_void_p, _TEXT]),
    "GetCurrentProcess": (_HANDLE, []),
    "GetCurrentThread": (_HANDLE, []),
    "GetDiskFreeSpaceW": (_BOOL, [_TEXT, POINTER(_DWORD), POINTER(_DWORD), POINTER(_DWORD), POINTER(_DWORD)]),
    "GetDriveTypeW": (c_uint, [_TEXT]),
    "GetTickCount64": (c_ulonglong, []),
    "GetVolumeInformationW": (
        _BOOL,
        [_TEXT, _TEXT, _DWORD, POINTER(_DWORD), POINTER(_DWORD), POINTER(_DWORD), _TEXT, _DWORD],
    ),
    "GetVolumePathNameW": (_BOOL, [_TEXT, _TEXT, _DWORD]),
    "QueryInformationJobObject": (_BOOL, [_HANDLE, c_int, c_void_p, _DWORD, POINTER(_DWORD)]),
    "SetConsoleCtrlHandler": (_BOOL, [c_void_p, _BOOL]),
    "SetInformationJobObject": (_BOOL, [_HANDLE, c_int, c_void_p, _DWORD]),
    "SetPriorityClass": (_BOOL, [_HANDLE, _DWORD]),
    "SetThreadPriority": (_BOOL, [_HANDLE, c_int]),
}
"""Result and arguments by name, as the Windows SDK declares them."""


def kernel32() -> Any:
    """Open kernel32; OSError where there is no Windows."""
    if sys.platform != "win32":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "kernel32")
    return declared(ctypes.WinDLL("kernel32", use_last_error=True))


def declared(library: Any) -> Any:
    """Return ``library`` with all prototypes set."""
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def last_error() -> int:
    """Return the error number of this thread's last failed call; 0 where there is no Windows."""
    number: int = getattr(ctypes, "get_last_error", int)()
    return number
