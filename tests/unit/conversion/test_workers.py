"""Worker processes as a pool lends and ends them."""

from __future__ import annotations

import threading

import pytest

from pywats_archive.conversion.pool.worker_process import WorkerProcess
from pywats_archive.conversion.pool.workers import Stopping, Workers


def test_a_pool_is_closed_while_processes_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for an answer gives its process back as soon as that is killed, while the others are still to be."""
    workers = Workers(2, lower_priority=False, stopping=Stopping(threading.Event()))
    assert workers.lend() is not workers.lend()
    kill = WorkerProcess.kill

    def kill_and_give_back(process: WorkerProcess) -> None:
        kill(process)
        workers.put_back(process, is_fit=False)

    monkeypatch.setattr(WorkerProcess, "kill", kill_and_give_back)
    workers.close()
    assert not workers.all
