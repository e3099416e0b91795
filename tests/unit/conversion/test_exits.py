"""What exit codes of worker processes say."""

from __future__ import annotations

import pytest

from pywats_archive.conversion.exits import cause_of, is_from_outside


@pytest.mark.parametrize(
    ("exit_code", "outside", "cause"),
    [
        (0, False, "exit code 0"),
        (3, False, "exit code 3"),
        (15, False, "exit code 15"),
        (None, False, "no exit code"),
        (-6, False, "signal 6"),  # SIGABRT
        (-11, False, "signal 11"),  # SIGSEGV
        (-1, True, "signal 1"),
        (-2, True, "signal 2"),
        (-9, True, "signal 9"),
        (-15, True, "signal 15"),
        (0xC0000005, False, "exit code 0xC0000005"),  # Windows: access violation
        (0xC000013A, True, "exit code 0xC000013A"),  # Windows: Ctrl-Break, or the console was closed
        (0x40010004, True, "exit code 0x40010004"),  # Windows: logoff or shutdown
    ],
)
def test_the_end_of_a_process_is_judged_by_its_exit_code(exit_code: int | None, outside: bool, cause: str) -> None:
    """What a stop of the service's group looks like is told from what a converter does to itself (invariant 15)."""
    assert (is_from_outside(exit_code), cause_of(exit_code)) == (outside, cause)
