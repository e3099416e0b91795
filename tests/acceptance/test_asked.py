"""A converter that asks for a post action that does not exist gets the configured one."""

from __future__ import annotations

import pytest
from tests.station import Station, wait_for


@pytest.mark.parametrize("archive_enabled", [True, False])
def test_an_unknown_post_action_holds_nothing_up(station: Station, archive_enabled: bool) -> None:
    """The source goes where the configuration says, and the conversion has a warning."""
    station.code(
        "class Asks(Any):\n"
        "    def outcome(self, source, context):\n"
        "        result = super().outcome(source, context)\n"
        "        result.post_action = 'recycle'\n"
        "        return result\n"
    )
    watch = station.add("asks", "own.Asks", archive_enabled=archive_enabled)
    (watch / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: station.names("asks/Done") == ["a.log"])
    if archive_enabled:
        assert "recycle" in str(station.details().conversions[0].warnings)
