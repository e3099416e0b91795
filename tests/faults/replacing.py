"""A source that another one replaces at the worst moment: it was compared, and is about to get its private name."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import leaving
from pywats_archive.models.query import EntryFilter
from tests.faults.acts import Act, enter_what_is_new, finish_it, lane, submit_it
from tests.faults.place import Place
from tests.faults.steps import uncounted

_NEXT = b"replaced" * 50


def submit_before_next(archive: Archive, place: Place) -> None:
    """Take it to where the server has its reports; the next one, as long and as old, is written and not dropped yet."""
    submit_it(archive, place)
    place.prepare_next("unit.log", _NEXT)


def finish_as_it_is_replaced(post_action: str) -> Act:
    """Take it to its end; the next one replaces it right before it gets its private name, and is taken to its end, too."""

    def act(archive: Archive, place: Place) -> None:
        claim = leaving.claim

        def then_it_comes(path: Path, private: Path) -> None:
            with uncounted():
                place.drop_next("unit.log")
            claim(path, private)

        with mock.patch.object(leaving, "claim", then_it_comes):
            for _ in range(2):
                finish_it(post_action)(archive, place)
                enter_what_is_new(lane(archive, place), place)

    return act


def expect_as_new(*done: str) -> Act:
    """Both are archived and done, each with its own reports; the first left nothing, and the next one left as itself."""

    def expect(archive: Archive, place: Place) -> None:
        found = sorted(archive.find(EntryFilter()).items, key=lambda entry: entry.archive_id)
        assert len(found) == 2, f"{len(found)} of 2 sources are archived"
        assert [account.by_state for account in ledger.accounts(archive)] == [{"done": 2}]
        ids = [{(r.ordinal, r.report_id) for r in archive.reports_of(entry.archive_id)} for entry in found]
        assert [len(each) for each in ids] == [2, 1], ids
        lying = place.files("Done")
        assert sorted(lying) == list(done) and not os.listdir(place.watch), (lying, os.listdir(place.watch))  # noqa: PTH208
        assert lying.get("unit.log", _NEXT) == _NEXT

    return expect
