"""In which order sources are archived in groups and processed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from tests.faults import acts
from tests.faults.place import Place
from tests.station import wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.processing import groups
from pywats_archive.pipeline.processing.dispatcher import Dispatcher
from pywats_archive.pipeline.processing.groups import Groups, Waiting
from pywats_archive.pipeline.processing.intake import Archived
from pywats_archive.pipeline.processing.work_queue import WorkQueue
from pywats_archive.pipeline.waiting.backoff import Backoff


class Noting:
    """Stands for the processor, the alerts and all lanes: notes what is archived and processed, and in which order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.together: set[int] = set()
        self.error: Exception | None = None
        self.troubles: list[str] = []
        self.passthrough = self

    def archive_several(self, lane: Lane, arrivals: Sequence[Arrival]) -> dict[int, Archived]:
        self.done.append(f"group of {len(arrivals)}")
        if self.error:
            raise self.error
        return {a.number: Archived(arrival=a, entry=_entry()) for a in arrivals if a.number % 10}

    def process(self, lane: Lane, arrival: Arrival, *, busy: bool, archived: Archived | None) -> None:
        self.done.append(Path(arrival.path).stem)
        if archived:
            self.together.add(arrival.number)

    def has_unsent(self, name: str, number: int) -> bool:
        return False

    def resolve(self, *of: Any) -> None: ...

    def add(self, converter: str, path: str, error: Exception, **more: Any) -> None:
        self.troubles.append(path)

    def __iter__(self) -> Iterator[Lane]:
        return iter(())


def _entry() -> Any:
    return None


class Busy:
    """A dispatcher with one thread, which is paused until ``run``."""

    def __init__(self, archive: Archive, place: Place) -> None:
        self.archive, self.place = archive, place
        self.noting = cast(Any, Noting())
        self.queue = WorkQueue(threads=1, stopping=threading.Event(), on_end=lambda: None)
        self.queue.pause()
        self.dispatcher = Dispatcher(
            self.queue, self.noting, Backoff(), lanes=self.noting, unexpected=self.noting, stuck=self.noting
        )
        self.lane = self.new_lane()

    def new_lane(self, **keys: Any) -> Lane:
        lane = acts.lane(self.archive, self.place, companions=keys.pop("companions", ()))
        lane.config = lane.config.model_copy(update=keys)
        return lane

    def enqueue(self, lane: Lane, letter: str, count: int) -> list[str]:
        arrivals = [acts.enter(lane, self.place.drop(f"{letter}{number}.log", b"x")) for number in range(count)]
        self.dispatcher.enqueue_new(lane, arrivals)
        return [Path(arrival.path).stem for arrival in arrivals]

    def run(self) -> list[str]:
        """Do all the work; gives what was done, in order."""
        self.queue.resume()
        wait_for(lambda: self.queue.busy_count == 0)
        return self.noting.done  # type: ignore[no-any-return]


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    place = Place(folder=tmp_path)
    place.watch.mkdir()
    with Archive.open(place.root, create=True, own=True) as archive:
        made = Busy(archive, place)
        yield made
        made.queue.close()
        assert made.lane.leases.is_idle


def test_the_next_group_is_archived_while_half_of_the_former_waits(busy: Busy) -> None:
    """Sources keep their order; at any time at most one group and a half are archived and not converted."""
    names = busy.enqueue(busy.lane, "a", 80)
    done = busy.run()
    assert [name for name in done if name in names] == names
    half = groups.MOST // 2
    assert [done.index(name) for name in ("a0", "a16", "a48")] == [1, 17, 50]
    assert done[0] == done[2 + half] == "group of 32" and done[51] == "group of 16"
    assert len(busy.noting.together) == 72  # each tenth was not archived with the others, and is processed all the same


def test_live_sources_keep_their_turn(busy: Busy) -> None:
    """A source with priority comes first, and one of another converter after all that were there before it."""
    urgent, other = busy.new_lane(priority=1), busy.new_lane()
    busy.enqueue(busy.lane, "a", 40)
    busy.enqueue(other, "b", 1)
    busy.enqueue(busy.lane, "c", 1)
    busy.enqueue(urgent, "d", 1)
    done = busy.run()
    assert sorted(done[:2]) == ["d0", "group of 32"]  # the thread may have had the group in its hands already
    assert done[-2:] == ["b0", "c0"] and done.index("b0") > done.index("a39")


@pytest.mark.parametrize("count", [1, groups.LEAST - 1])
def test_a_few_sources_are_archived_singly(busy: Busy, count: int) -> None:
    """Fewer than eight sources are no group, and neither is the rest behind a group."""
    busy.enqueue(busy.lane, "a", count)
    assert len(busy.run()) == count and not busy.noting.together
    busy.queue.pause()
    busy.enqueue(busy.lane, "b", groups.MOST + count)
    assert busy.run().count("group of 32") == 1 and len(busy.noting.done) == 2 * count + groups.MOST + 1


@pytest.mark.parametrize(
    "keys",
    [{"companions": ("{stem}.txt",)}, {"archive_source_files": False}, {"converter_type": "folder"}],
    ids=lambda keys: next(iter(keys)),
)
def test_some_converters_have_no_groups(busy: Busy, keys: dict[str, Any]) -> None:
    """Companions, records without bytes and folders are archived singly."""
    names = busy.enqueue(busy.new_lane(**keys), "a", 20)
    assert busy.run() == names


def test_a_converter_without_an_archive_has_no_groups(busy: Busy) -> None:
    """What is not archived, or not now, is not archived in groups."""
    busy.lane.attachment = None
    assert busy.run() == busy.enqueue(busy.lane, "a", 0) == []
    busy.queue.pause()
    names = busy.enqueue(busy.lane, "a", 20)
    assert busy.run() == names


def test_a_group_that_fails_unexpectedly_is_processed_singly(busy: Busy) -> None:
    """An error that nobody foresaw is on record, and no source waits for ever."""
    busy.noting.error = RuntimeError("not foreseen")
    names = busy.enqueue(busy.lane, "a", 40)
    assert [name for name in busy.run() if name in names] == names
    assert busy.noting.troubles and not busy.noting.together


def test_dropped_groups_do_not_block_later_ones(busy: Busy) -> None:
    """After a reload, which drops what is queued, sources of the same converter are archived in groups again."""
    busy.enqueue(busy.lane, "a", 80)
    busy.dispatcher.drop_queued()
    names = busy.enqueue(busy.lane, "b", 10)
    assert busy.run() == ["group of 10", *names]


def test_only_one_group_of_a_converter_is_taken() -> None:
    """Others wait until it ends, whichever thread asks; each converter has groups of its own."""
    mine, first, second = Groups(), object(), object()
    for lane in (first, second):
        mine.add(lane, [Waiting(arrival=_entry(), turn=turn) for turn in range(40)])  # type: ignore[arg-type]
    assert [len(mine.take(lane)) for lane in (first, second, first, second)] == [32, 32, 0, 0]  # type: ignore[arg-type]
    mine.end(first)  # type: ignore[arg-type]
    assert [len(mine.take(lane)) for lane in (first, second)] == [8, 0]  # type: ignore[arg-type]
