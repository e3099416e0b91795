"""One try: a process in which step k goes wrong, then another that goes on with what it left."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.recover import recover
from pywats_archive.errors import ArchiveError
from tests.faults.check import findings, report_ids
from tests.faults.place import Place
from tests.faults.scenarios import Scenario
from tests.faults.steps import CRASHED, THE_END, Kind, Steps, cut_power

_RESERVE = shutil.ignore_patterns("reserve")
"""Not copied a thousand times: opening the archive takes it again."""
_FINE, _BROKEN, _NO_STEP_LEFT = 0, 1, 3


def prepare(scenario: Scenario, folder: Path) -> Place:
    """Make the state before, and remember it."""
    place = Place(folder=folder / "place")
    place.watch.mkdir(parents=True)
    scenario.drop(place)
    if not scenario.is_new:
        with Archive.open(place.root, create=True, own=True) as archive:
            recover(archive)
            scenario.prepare(archive, place)
    shutil.copytree(place.folder, folder / "before", symlinks=True, ignore=_RESERVE)
    return place


def go_wrong_everywhere(scenario: Scenario, place: Place, kind: Kind) -> int:
    """Let the scenario go wrong at every step, one after the other; gives their number. AssertionError tells what was lost."""
    for k in range(1, 1_000):
        if not go_wrong(scenario, place, kind, k):
            return k - 1
    raise AssertionError("the steps never ended")


def go_wrong(scenario: Scenario, place: Place, kind: Kind, k: int) -> bool:
    """Let step ``k`` go wrong and see what became of it; False when there is no such step."""
    _set_back(place)
    code = _in_child(lambda: _suffer(scenario, place, Steps(kind, k, place.folder)), place, f"step {k}")
    if code == _NO_STEP_LEFT:
        return False
    _in_child(lambda: _go_on(scenario, place, lost_names=kind is cut_power), place, f"after step {k}")
    return True


def _set_back(place: Place) -> None:
    elsewhere = place.folder / "Done"
    if elsewhere.is_symlink():
        shutil.rmtree(elsewhere.readlink())
        elsewhere.readlink().mkdir()
    shutil.rmtree(place.folder)
    shutil.copytree(place.folder.parent / "before", place.folder, symlinks=True)


def _suffer(scenario: Scenario, place: Place, steps: Steps) -> int:
    """Act while the step goes wrong; after a failure the same archive object must go on as if nothing had been."""
    with _opened(scenario, place, steps) as archive:
        steps.arm()
        try:
            scenario.act(archive, place)
            steps(THE_END)
        except ArchiveError as exc:
            assert steps.was_reached, exc
        steps.disarm()
        if not steps.was_reached:
            return _NO_STEP_LEFT
        scenario.act(archive, place)
        scenario.expect(archive, place)
        assert not (found := findings(archive, place)), found
    return _FINE


def _opened(scenario: Scenario, place: Place, steps: Steps) -> Archive:
    """Open the archive; where that is part of the act, a failure is answered by opening it again."""
    if scenario.is_new:
        steps.arm()
        try:
            return Archive.open(place.root, create=True, own=True, on_step=steps)
        except ArchiveError as exc:
            assert steps.was_reached, exc
            steps.disarm()
    return Archive.open(place.root, create=scenario.is_new, own=True, on_step=steps)


def _go_on(scenario: Scenario, place: Place, *, lost_names: bool) -> int:
    """Start again: recover, go on, and be as if nothing had been."""
    with Archive.open(place.root, create=scenario.is_new, own=True) as archive:
        recover(archive)
        again = recover(archive)
        assert not again.found_anything, again
        before = report_ids(archive)
        scenario.act(archive, place)
        after = report_ids(archive)
        assert all(ids <= after[key] for key, ids in before.items()), (before, after)
        if not lost_names:
            scenario.expect(archive, place)
        assert not (found := findings(archive, place)), found
    return _FINE


def _in_child(act: Callable[[], int], place: Place, where: str) -> int:
    """Run ``act`` in a process of its own, which it may crash."""
    told = place.folder.parent / "told"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        gc.freeze()  # a collection would copy all memory that is shared with the parent
        os.fsync = _count_only
        try:
            os._exit(act())
        except BaseException:
            told.write_text(traceback.format_exc())
            os._exit(_BROKEN)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (_FINE, _NO_STEP_LEFT, CRASHED):
        raise AssertionError(f"{where}: {told.read_text() if told.exists() else code}")
    return code


def _count_only(fd: Any) -> None:
    """Stand for fsync: no disk loses anything here, and ``Power`` takes away what was not synced."""
    os.fstat(fd)
