"""The log of modules that seldom log."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.captured import capture_logs
from tests.patience import PATIENCE_S

from pywats_archive.portable.event_log import warn

ALONE = """
import sys
from pywats_archive.portable.event_log import warn
assert "structlog" not in sys.modules
warn("key.not_private", path="a")
import structlog
assert not structlog.is_configured()
"""


@pytest.mark.spawned
def test_without_a_log_a_warning_goes_to_standard_error() -> None:
    """A reader's answer on standard output stays whole, and a program's own log stays as it is."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "key.not_private" in done.stderr and "path=a" in done.stderr.replace("\x1b[0m", "").replace("\x1b[36m", "")


def test_with_a_log_a_warning_is_one_of_its_events() -> None:
    """It has the form that the log has."""
    with capture_logs() as logs:
        warn("key.not_private", path="a")
    assert logs == [{"event": "key.not_private", "path": "a", "log_level": "warning"}]
