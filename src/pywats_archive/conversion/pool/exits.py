"""The meaning of a worker process's exit code. Pure."""

from __future__ import annotations

_STOPPING_SIGNALS = frozenset({1, 2, 9, 15})
"""SIGHUP, SIGINT, SIGKILL and SIGTERM: what a service manager, a shell or the system's memory killer sends."""
_STOPPING_CODES = frozenset({0xC000013A, 0x40010004})
"""Windows' STATUS_CONTROL_C_EXIT (a break, a console that is closed) and DBG_TERMINATE_PROCESS (logoff, shutdown)."""
_SMALL = 0x10000


def is_from_outside(exit_code: int | None) -> bool:
    """Whether somebody may have ended the process, so that its end says nothing about its work."""
    return exit_code is not None and (-exit_code in _STOPPING_SIGNALS or exit_code in _STOPPING_CODES)


def cause_of(exit_code: int | None) -> str:
    """Describe how a process ended; codes of Windows as its documentation has them."""
    if exit_code is None:
        return "closed its connection to the service, and was ended"
    if exit_code < 0:
        return f"ended by itself (signal {-exit_code})"
    return f"ended by itself (exit code {exit_code if exit_code < _SMALL else f'0x{exit_code:08X}'})"
