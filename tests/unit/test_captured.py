"""The log that a test captures while threads write it."""

from __future__ import annotations

import structlog
from tests.captured import capture_logs


def test_the_processors_that_a_thread_may_be_using_stay_as_they_are() -> None:
    """Meanwhile the events go to the list alone."""
    in_use = structlog.get_config()["processors"]
    before = list(in_use)
    with capture_logs() as lines:
        assert list(in_use) == before
        structlog.get_logger().info("tick", number=1)
    assert structlog.get_config()["processors"] is in_use and list(in_use) == before
    assert lines == [{"event": "tick", "number": 1, "log_level": "info"}]
