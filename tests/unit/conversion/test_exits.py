"""What exit codes of worker processes say."""

from __future__ import annotations

import pytest

from pywats_archive.conversion.pool.exits import cause_of, is_from_outside


@pytest.mark.parametrize(
    ("exit_code", "outside", "cause"),
    [
        (0, False, "ended by itself (exit code 0)"),
        (3, False, "ended by itself (exit code 3)"),
        (15, False, "ended by itself (exit code 15)"),
        (None, False, "closed its connection to the service, and was ended"),
        (-6, False, "ended by itself (signal 6)"),  # SIGABRT
        (-11, False, "ended by itself (signal 11)"),  # SIGSEGV
        (-1, True, "ended by itself (signal 1)"),
        (-2, True, "ended by itself (signal 2)"),
        (-9, True, "ended by itself (signal 9)"),
        (-15, True, "ended by itself (signal 15)"),
        (0xC0000005, False, "ended by itself (exit code 0xC0000005)"),  # Windows: access violation
        (0xC000013A, True, "ended by itself (exit code 0xC000013A)"),  # Windows: Ctrl-Break, or the console was closed
        (0x40010004, True, "ended by itself (exit code 0x40010004)"),  # Windows: logoff or shutdown
    ],
)
def test_the_end_of_a_process_is_judged_by_its_exit_code(exit_code: int | None, outside: bool, cause: str) -> None:
    """What a stop of the service's group looks like is told from what a converter does to itself (invariant 15)."""
    assert (is_from_outside(exit_code), cause_of(exit_code)) == (outside, cause)
