"""The finished arrivals of an earlier catalog are counted when it is migrated, and a large one is sorted in files."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from pywats_archive.catalog import arrival_figures, arrivals, migrations
from pywats_archive.catalog.arrival_figures import Count
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.arrival import ArrivalState

pytestmark = pytest.mark.migrated
_DAY = date(2026, 2, 13)


def _make_earlier(path: Path) -> None:
    """Create a catalog of version 0010 with four arrivals, one of them unfinished."""
    raw = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with raw.connect() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0010")
        for state in ("done", "done", "vanished", "seen"):
            db.exec_driver_sql(
                "INSERT INTO arrivals (converter_name, path, size_bytes, mtime_ns, first_seen_at, state, changed_at, attempts) "
                f"VALUES ('c', '/w/a.csv', 1, 1, '{_DAY}T14:30:22.123000+00:00', ?, '{_DAY}T14:30:22.123000+00:00', 0)",
                (state,),
            )
    raw.dispose()


def test_finished_arrivals_of_an_earlier_catalog_are_counted(tmp_path: Path) -> None:
    """The counts are those of the rows, before and after a change (invariant 12)."""
    _make_earlier(tmp_path / "metadata.db")
    catalog = Catalog.open(tmp_path / "metadata.db")
    try:
        assert _counts(catalog) == {"done": 2, "vanished": 1, "seen": 1}
        catalog.write(
            lambda tx: arrivals.change(tx, 4, state=ArrivalState.FAILED, now=arrivals.get(tx, 1).first_seen_at)
        )
        assert _counts(catalog) == {"done": 2, "vanished": 1, "failed": 1}
    finally:
        catalog.close()


def _counts(catalog: Catalog) -> dict[str, int]:
    with catalog.read() as db:
        found = arrival_figures.counts(db)
    assert all(each == Count(converter_name="c", day=_DAY, state=each.state, number=each.number) for each in found)
    return {each.state.value: each.number for each in found}


@pytest.mark.parametrize("is_large", [True, False])
def test_a_large_catalog_is_sorted_in_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_large: bool
) -> None:
    """Only while it is migrated: a new index of ten million rows would need 1 GB of memory (invariant 9)."""
    path, seen = tmp_path / "metadata.db", list[tuple[Any, str | None]]()
    _make_earlier(path)
    monkeypatch.setattr(migrations, "_LARGE_BYTES", 0 if is_large else 10**9)
    monkeypatch.setenv("SQLITE_TMPDIR", "before")
    upgrade = command.upgrade

    def watched(config: Config, to: str) -> None:
        mode = execute(config.attributes["connection"], "PRAGMA temp_store").fetchone()[0]
        seen.append((mode, os.environ.get("SQLITE_TMPDIR")))
        upgrade(config, to)

    monkeypatch.setattr(command, "upgrade", watched)
    catalog = Catalog.open(path)
    try:
        assert seen == [(1, str(tmp_path)) if is_large else (2, "before")]
        assert execute(catalog._writing, "PRAGMA temp_store").fetchone()[0] == 2
        assert os.environ["SQLITE_TMPDIR"] == "before"
    finally:
        catalog.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["metadata.db"]
