"""The execution of a run: a bounded number of entries at once, each outcome recorded before the next entry starts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import timedelta

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.alone import is_of_one
from pywats_archive.archive.core import Archive
from pywats_archive.archive.report_ids import withheld as holding
from pywats_archive.archive.results import conversions, runs
from pywats_archive.archive.results.codes import StoredCodes
from pywats_archive.archive.results.current import current
from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.errors import AlreadyDone, BlobMissing, Overtaken, UsageError
from pywats_archive.host.settings.key import load_key
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.replay import ItemResult, ItemState, ReplayRequest, ReprocessingResult, RunState
from pywats_archive.reprocessing.effects import skipped, withheld
from pywats_archive.reprocessing.history import result_of
from pywats_archive.reprocessing.replayer import Replayer, Skipped
from pywats_archive.reprocessing.trial import Trial

log = structlog.get_logger()

OnProgress = Callable[[int, int, str], None]
"""Called with the number of finished entries, the total, and the last archive id."""
_AT_ONCE = 100
_CHECK_S = 0.2


def carry_out(
    archive: Archive,
    station: StationConfig,
    run_id: int,
    *,
    actor: str,
    processes: int = 0,
    on_progress: OnProgress | None = None,
) -> ReprocessingResult:
    """Carry out the rest of a run; it may be stopped at any moment, and resumed by this function.

    Only within ``runs.reprocessing``. UsageError when the run was cancelled or rolled back.
    """
    began_s = time.monotonic()
    run = runs.get(archive, run_id)
    if run.state not in (RunState.RUNNING, RunState.DONE):
        raise UsageError(f"run {run_id} is {run.state.value}; start another one")
    request = ReplayRequest(**run.request)
    runs.require_reason(archive, request, actor=actor)  # the run may be older than the rules of a compliant archive
    if run.planned:
        with ConverterProcesses(processes or os.cpu_count() or 2, lower_priority=True) as pool:
            _RunExecution(archive, station, run_id, request, pool, on_progress, done=run.total - run.planned).go()
    runs.end_if_done(archive, run_id, actor=actor)
    return result_of(archive, run_id, duration=timedelta(seconds=time.monotonic() - began_s))


class _RunExecution:
    """The execution of one run."""

    def __init__(
        self,
        archive: Archive,
        station: StationConfig,
        run_id: int,
        request: ReplayRequest,
        processes: ConverterProcesses,
        on_progress: OnProgress | None,
        *,
        done: int,
    ) -> None:
        self._archive = archive
        self._run_id = run_id
        self._request = request
        self._processes = processes
        self._on_progress = on_progress
        self._done = done
        self._station = station
        self._codes = StoredCodes(archive)
        self._total = runs.get(archive, run_id).total
        self._replayer = Replayer(archive, station, processes, request, key=load_key(station.path.parent))
        self._trial = Trial(archive, station, request, self._replayer)

    def go(self) -> None:
        """Replay entries until none is left, the run is cancelled, or one fails and that stops the run.

        Anything else that ends it, such as Ctrl-C, ends the worker processes at once; their entries stay planned.
        """
        threads = self._processes.count + 1  # one more, so that no process waits for a commit
        with closing(self._replayer), ThreadPoolExecutor(threads) as pool, self._ended_at_once(pool):
            going: set[Future[ItemResult]] = set()
            for archive_id in self._planned():
                going.add(pool.submit(self._one, archive_id))
                if len(going) > threads:
                    going, is_stopped = self._wait_for_some(going)
                    if is_stopped:
                        break
            while going:
                going, _ = self._wait_for_some(going)

    @contextmanager
    def _ended_at_once(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._processes.close()
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    def _planned(self) -> Iterator[str]:
        """Yield planned entries; skip those that were yielded and are not recorded yet."""
        given: set[str] = set()
        while True:
            page = runs.planned(self._archive, self._run_id, _AT_ONCE + len(given))
            new = [archive_id for archive_id in page if archive_id not in given]
            if not new:
                return
            given = (given & set(page)) | set(new)
            for archive_id in new[:_AT_ONCE]:
                if not runs.is_going_on(self._archive, self._run_id):
                    return
                yield archive_id
            given -= set(new[_AT_ONCE:])

    def _wait_for_some(self, going: set[Future[ItemResult]]) -> tuple[set[Future[ItemResult]], bool]:
        ended: set[Future[ItemResult]] = set()
        while not ended:  # in short waits, since on Windows no Ctrl-C interrupts a long one
            ended, going = wait(going, timeout=_CHECK_S, return_when=FIRST_COMPLETED)
        is_stopped = False
        for future in ended:
            result = future.result()
            self._done += 1
            if self._on_progress:
                self._on_progress(self._done, self._total, result.archive_id)
            is_stopped |= self._request.stop_at_failure and result.status == ConversionStatus.FAILED.value
        return going, is_stopped

    def _one(self, archive_id: str) -> ItemResult:
        """Replay one entry; an unexpected error affects only this entry."""
        try:
            return self._replayed(archive_id)
        except Exception as exc:
            if not is_of_one(exc):
                raise
            log.exception("run.unexpected", run_id=self._run_id, archive_id=archive_id)
            return self._recorded(
                skipped(archive_id, f"an unexpected error, see the log ({type(exc).__name__}: {exc})")
            )

    def _replayed(self, archive_id: str) -> ItemResult:
        now = current(self._archive, archive_id)
        arrival = ledger.of_entry(self._archive, archive_id)
        if arrival and not arrival.state.is_final:
            return self._recorded(
                skipped(archive_id, f"the service is not done with it yet (it is {arrival.state.value})")
            )
        try:
            tried = self._trial.of(now)
        except Skipped as exc:
            return self._recorded(skipped(archive_id, str(exc)))
        result, replayed, pairing, summaries = tried.result, tried.replayed, tried.pairing, tried.summaries
        if self._request.dry_run or result.state is ItemState.SKIPPED:
            return self._recorded(result)
        config = self._station.converter(now.entry.converter_name)
        allows = self._request.new_id or not self._request.submit_to_server or (config and config.allow_same_id)
        documents = replayed.result.documents
        if not allows and (why := holding.trouble(self._archive, archive_id, documents, summaries, pairing)):
            return self._recorded(skipped(archive_id, f"{why}, or --new-id sends it as a new one"))
        if replayed.result.converter:
            self._codes.store(replayed.result.converter, replayed.result.code)
        new = conversions.NewConversion(
            conversion=self._replayer.conversion(tried.now.entry, replayed, run_id=self._run_id),
            documents=replayed.result.documents,
            summaries=summaries,
            pairing=pairing,
            submit=self._request.submit_to_server,
            withheld=withheld(result),
            new_ids=self._request.new_id,
            allow_same_id=bool(config and config.allow_same_id),
            append=tried.is_appended,
            compression_level=self._archive.policies.effective(now.entry.converter_name).compression_level,
            run_item=result,
        )
        try:
            conversions.record_conversion(self._archive, new)
        except AlreadyDone:
            log.warning("run.item_already_done", run_id=self._run_id, archive_id=archive_id)
        except (BlobMissing, Overtaken) as exc:
            return self._recorded(skipped(archive_id, str(exc)))
        return result

    def _recorded(self, result: ItemResult) -> ItemResult:
        runs.record_item(self._archive, self._run_id, result)
        return result
