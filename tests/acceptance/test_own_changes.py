"""Converters that change their input: it is converted again at most once, and finished."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.station import Station, block_today, wait_for

CHANGES = {"touches it": "os.utime(source.path)", "appends to it": "open(source.path, 'a').write('x')"}


@pytest.mark.parametrize("keys", [{}, {"post_action": "delete"}, {"archive_enabled": False}], ids=str)
@pytest.mark.parametrize("name", CHANGES)
def test_a_converter_that_changes_its_input_every_time_comes_to_an_end(
    station: Station, name: str, keys: dict[str, object]
) -> None:
    """What a converter does to its source makes no new source of it for ever, each with a report (invariant 4)."""
    watch = changing(station, name, **keys)
    (watch / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: not station.names("changes/watch"))
    assert 1 <= len(station.server.received) <= 2


@pytest.mark.parametrize("name", CHANGES)
def test_one_that_stays_where_it_is_is_not_converted_for_ever(station: Station, name: str) -> None:
    """With KEEP, what a converter changes by itself is one more source at most (invariant 4)."""
    watch = changing(station, name, post_action="keep")
    (watch / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: station.server.received)
        time.sleep(5)
    assert 1 <= len(station.server.received) <= 2


@pytest.mark.parametrize("name", CHANGES)
def test_one_that_is_owed_to_the_archive_is_put_aside(station: Station, name: str) -> None:
    """While the archive fails, too (invariants 4, 11)."""
    watch = changing(station, name, on_archive_error="continue")
    station.run()
    blocked = block_today(station.archive_root)
    (watch / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: list((station.root / "changes/Done/not-archived").glob("*/source/a.log")))
        time.sleep(1)
        assert len(station.server.received) <= 2
        blocked.unlink()
        wait_for(lambda: station.names("changes/Done") == ["a.log", "not-archived"])


def changing(station: Station, name: str, **keys: object) -> Path:
    """Add a converter that changes its input; returns its watch folder."""
    station.code(
        "class Changes(Any):\n"
        "    def outcome(self, source, context):\n"
        f"        {CHANGES[name]}\n"
        "        return super().outcome(source, context)\n"
    )
    return station.add("changes", "own.Changes", **keys)


@pytest.mark.parametrize("post_action", ["archive", "delete"])
def test_a_folder_that_changed_within_the_second_is_not_removed(station: Station, post_action: str) -> None:
    """Of the same length and the same second, its new bytes are in no archive (invariant 2)."""
    station.code(
        "class Folder(FolderConverter):\n"
        "    name = property(lambda self: 'Folder')\n"
        "    def convert(self, source, context):\n"
        "        path = source.folder_path / 'a.txt'\n"
        "        path.write_text('NEW')\n"
        "        os.utime(path, ns=(10**18 + 10**6, 10**18 + 10**6))\n"
        "        return ConverterResult.success_result(report={k: v for k, v in report('S').items() if v is not None})\n"
    )
    folder = station.add("c", "own.Folder", converter_type="folder", post_action=post_action) / "unit"
    folder.mkdir()
    (folder / "a.txt").write_text("OLD")
    os.utime(folder / "a.txt", ns=(10**18, 10**18))
    (folder / "COMPLETE.marker").touch()
    station.run()
    assert (station.root / "c/Done/unit/a.txt").read_text() == "NEW"
