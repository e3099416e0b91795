"""One try: step k goes wrong in a process of its own; this one, which never saw that, goes on with what was left."""

from __future__ import annotations

import gc
import itertools
import json
import os
import shutil
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn
from unittest import mock

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.keys import create_keys
from pywats_archive.archive.repair.recover import recover
from pywats_archive.catalog import engine
from pywats_archive.errors import ArchiveError
from pywats_archive.portable import open_files
from pywats_archive.portable.open_files import ProcessTable
from tests.faults.check import findings, report_ids
from tests.faults.place import Place
from tests.faults.scenarios import Scenario
from tests.faults.state import Survey
from tests.faults.steps import CRASHED, THE_END, Kind, Steps, crash, cut_power

_RESERVE = shutil.ignore_patterns("reserve")
"""Not copied a thousand times: opening the archive takes it again."""
_FINE, _BROKEN, _NO_STEP_LEFT = 0, 1, 3
_SURVEY = 0
"""No step has this number."""
_ENDING: tuple[Kind, ...] = (crash, cut_power)
"""The kinds that end the process: what they leave is on the disk alone."""


@contextmanager
def _quickly() -> Iterator[None]:
    """Wait for no disk, which loses nothing here, and ask no process for open files: the list of all takes long to make."""
    nobody = ProcessTable(Path(os.devnull))
    with (
        mock.patch("os.fsync", _count_only),
        mock.patch.dict(engine._SYNCHRONOUS, dict.fromkeys(engine._SYNCHRONOUS, "OFF")),
        mock.patch.object(open_files, "has_writer", partial(open_files.has_writer, processes=nobody)),
    ):
        yield


@_quickly()
def prepare(scenario: Scenario, folder: Path) -> Place:
    """Make the state before, and remember it."""
    place = Place(folder=folder / "place")
    place.watch.mkdir(parents=True)
    scenario.drop(place)
    if not scenario.is_new:
        if scenario.is_encrypted:
            create_keys(place.folder)
        with Archive.open(
            place.root, create=True, own=True, keys=place.folder, encrypt=scenario.is_encrypted
        ) as archive:
            recover(archive)
            scenario.prepare(archive, place)
    shutil.copytree(place.folder, folder / "before", symlinks=True, ignore=_RESERVE)
    return place


@_quickly()
def go_wrong_everywhere(scenario: Scenario, place: Place, kind: Kind) -> int:
    """Let the scenario go wrong at each step, one after the other; returns how many were tried. AssertionError: what was lost.

    A crash at a step is not tried if it would leave exactly what a crash at the step before it left.
    """
    with _Victims(scenario, place, kind) as victims:
        for tried, k in enumerate(victims.steps()):
            _set_back(place)
            if victims.suffer(k) == _NO_STEP_LEFT:
                return tried
            try:
                _go_on(scenario, place, lost_names=kind is cut_power)
            except BaseException as exc:
                raise AssertionError(f"after step {k}: {traceback.format_exc()}") from exc
    raise AssertionError("unreachable: the numbers never end")


class _Victims:
    """A process in which one step after the other goes wrong; a step that ends it does so in a fork of it."""

    def __init__(self, scenario: Scenario, place: Place, kind: Kind) -> None:
        self._scenario, self._place, self._kind = scenario, place, kind
        self._trouble = place.folder.parent / "trouble"

    def steps(self) -> Iterator[int]:
        """Yield the numbers of the steps to try, without an end; fewer if a step that ends the process changes nothing."""
        if self._kind not in _ENDING or self._scenario.has_threads:
            return itertools.count(1)
        _set_back(self._place)
        _, *steps, count = self._answer(_SURVEY)
        return itertools.chain(steps, itertools.count(count + 1))

    def suffer(self, k: int) -> int:
        """Let step ``k`` go wrong; gives how that ended."""
        return self._answer(k)[0]

    def _answer(self, k: int) -> list[int]:
        self._socket.send(b"%d" % k)
        answer: list[int] = json.loads(self._socket.recv(10_000) or f"[{_BROKEN}]")
        if answer[0] not in (_FINE, _NO_STEP_LEFT, CRASHED):
            raise AssertionError(f"step {k}: {self._trouble.read_text() if self._trouble.exists() else answer}")
        return answer

    def __enter__(self) -> _Victims:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        gc.freeze()  # a collection would read all that other tests have in memory, and each process would copy it
        self._pid = os.fork()
        if self._pid == 0:
            self._socket.close()
            self._serve(theirs)
        theirs.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        os.waitpid(self._pid, 0)
        gc.unfreeze()

    def _serve(self, theirs: socket.socket) -> NoReturn:
        try:
            while request := theirs.recv(8):
                theirs.send(json.dumps(self._outcome(int(request))).encode())
        finally:  # whatever happens, no second test run goes on from here
            os._exit(_FINE)

    def _outcome(self, k: int) -> list[int]:
        if k == _SURVEY:
            survey = Survey(self._place, loses_power=self._kind is cut_power)
            return [self._try(survey, k), *survey.steps, survey.count]
        if self._kind not in _ENDING:
            return [self._try(self._kind, k)]
        if pid := os.fork():
            return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
        os._exit(self._try(self._kind, k))

    def _try(self, kind: Kind, k: int) -> int:
        try:
            return _suffer(self._scenario, self._place, Steps(kind, k, self._place.folder))
        except BaseException:
            self._trouble.write_text(traceback.format_exc())
            return _BROKEN


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


def _go_on(scenario: Scenario, place: Place, *, lost_names: bool) -> None:
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


def _count_only(fd: Any) -> None:
    """Stand for fsync: no disk loses anything here, and ``Power`` takes away what was not synced."""
    os.fstat(fd)
