"""One try: step k goes wrong in a process of its own; this one, which never saw that, goes on with what was left."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn
from unittest import mock

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.keys import create_keys
from pywats_archive.archive.repair.recover import recover
from pywats_archive.errors import ArchiveError
from pywats_archive.portable import open_files
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
        if scenario.is_encrypted:
            create_keys(place.folder)
        with Archive.open(
            place.root, create=True, own=True, keys=place.folder, encrypt=scenario.is_encrypted
        ) as archive:
            recover(archive)
            scenario.prepare(archive, place)
    shutil.copytree(place.folder, folder / "before", symlinks=True, ignore=_RESERVE)
    return place


def go_wrong_everywhere(scenario: Scenario, place: Place, kind: Kind) -> int:
    """Let the scenario go wrong at every step, one after the other; gives their number. AssertionError tells what was lost."""
    with _Victim(scenario, place, kind) as victim:
        for k in range(1, 1_000):
            _set_back(place)
            if victim.suffer(k) == _NO_STEP_LEFT:
                return k - 1
            try:
                with mock.patch("os.fsync", _count_only):
                    _go_on(scenario, place, lost_names=kind is cut_power)
            except BaseException as exc:
                raise AssertionError(f"after step {k}: {traceback.format_exc()}") from exc
    raise AssertionError("the steps never ended")


class _Victim:
    """A process in which one step after the other goes wrong, and the next process once it has crashed."""

    def __init__(self, scenario: Scenario, place: Place, kind: Kind) -> None:
        self._scenario, self._place, self._kind = scenario, place, kind
        self._trouble = place.folder.parent / "trouble"
        self._socket: socket.socket | None = None
        self._pid = 0

    def suffer(self, k: int) -> int:
        """Let step ``k`` go wrong; gives how that ended."""
        if self._socket is None:
            self._socket = self._started()
        self._socket.send(b"%d" % k)
        answer = self._socket.recv(1)
        code = answer[0] if answer else self._ended()
        if code not in (_FINE, _NO_STEP_LEFT, CRASHED):
            raise AssertionError(f"step {k}: {self._trouble.read_text() if self._trouble.exists() else code}")
        return code

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            self._serve(theirs)
        theirs.close()
        return ours

    def _serve(self, theirs: socket.socket) -> NoReturn:
        gc.freeze()  # a collection would copy all memory that is shared with the parent
        os.fsync = _count_only
        try:
            while k := int(theirs.recv(8) or 0):
                theirs.send(bytes([_suffer(self._scenario, self._place, Steps(self._kind, k, self._place.folder))]))
            os._exit(_FINE)
        except BaseException:
            self._trouble.write_text(traceback.format_exc())
            os._exit(_BROKEN)

    def _ended(self) -> int:
        if self._socket is None:
            return _FINE
        self._socket.close()
        self._socket = None
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def __enter__(self) -> _Victim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended()


def _set_back(place: Place) -> None:
    elsewhere = place.folder / "Done"
    if elsewhere.is_symlink():
        shutil.rmtree(elsewhere.readlink())
        elsewhere.readlink().mkdir()
    shutil.rmtree(place.folder)
    shutil.copytree(place.folder.parent / "before", place.folder, symlinks=True)


def _suffer(scenario: Scenario, place: Place, steps: Steps) -> int:
    """Act while the step goes wrong; after a failure the same archive object must go on as if nothing had been."""
    _forget_open_files()
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
    _forget_open_files()
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


def _forget_open_files() -> None:
    """Let the list of files that programs have open be made anew, as in a new process: by now they may be others."""
    open_files._PROCESSES._good_until_s = float("-inf")


def _count_only(fd: Any) -> None:
    """Stand for fsync: no disk loses anything here, and ``Power`` takes away what was not synced."""
    os.fstat(fd)
