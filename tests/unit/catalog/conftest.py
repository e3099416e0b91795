from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywats_archive.catalog.engine import Catalog


class Steps(list[str]):
    """The steps that were made; raises what is planned for one, just before it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: dict[str, BaseException] = {}

    def __call__(self, name: str) -> None:
        self.append(name)
        if name in self.plan:
            raise self.plan[name]


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def catalog(tmp_path: Path, steps: Steps) -> Iterator[Catalog]:
    """An open catalog; sound, and without an open transaction, when the test is over."""
    opened = Catalog.open(tmp_path / "metadata.db", on_step=steps)
    yield opened
    opened.close()
    with sqlite3.connect(opened.path, timeout=0) as raw:
        raw.execute("BEGIN EXCLUSIVE")
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()
