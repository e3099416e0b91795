"""What a replay found, from its results: changes grouped as ``reprocess`` does, verdicts by serial number and station."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from pywats_archive.archive.results.runs import Aftermath
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.replay import Comparison, ItemResult, ItemState, Run, RunState
from pywats_archive.models.plant.replay import (
    PlantReplay,
    PlantReplayResult,
    PlantReplayState,
    PlantVerdict,
    StationOutcome,
)
from pywats_archive.plant.replaying.records import results
from pywats_archive.reprocessing.history import summarize_run
from pywats_archive.vault.store import Vault

_STATES = {
    PlantReplayState.STARTED: RunState.RUNNING,
    PlantReplayState.DONE: RunState.DONE,
    PlantReplayState.CANCELLED: RunState.CANCELLED,
}


def summarize(vault: Vault, plan: PlantReplay) -> PlantReplayResult:
    """Read the results of a replay one by one, and summarize them."""
    reading = _Reading(vault, plan)
    run = Run(
        run_id=0,
        created_at=plan.created_at,
        actor=plan.actor,
        state=_STATES[plan.state],
        request={"dry_run": True},
        planned=plan.entries,
    )
    after = Aftermath(ended_at=None, ended_by=None, submissions={}, shown=0)
    result = summarize_run(reading.items(), run, after, duration=timedelta())
    stations = sorted(reading.stations.values(), key=lambda each: (each.station, each.archive_uuid))
    return PlantReplayResult(
        replay=plan,
        result=replace(result, duration=timedelta(seconds=reading.seconds)),
        stations=tuple(stations),
        verdicts=tuple(reading.verdicts),
    )


class _Reading:
    """Reads the results once, and counts by station meanwhile."""

    def __init__(self, vault: Vault, plan: PlantReplay) -> None:
        self._vault = vault
        self._plan = plan
        self.seconds = 0.0
        self.stations: dict[str, StationOutcome] = {}
        self.verdicts: list[PlantVerdict] = []

    def items(self) -> Iterator[ItemResult]:
        for segment in results.stored(self._vault, self._plan.run):
            self.seconds += segment.seconds
            known = self.stations.get(segment.archive_uuid)
            station = known or StationOutcome(station=segment.station, archive_uuid=segment.archive_uuid)
            for item in segment.items:
                station = _counted(station, item)
                if item.turns_verdict:
                    self.verdicts.append(_verdict(station, item))
                yield item
            self.stations[segment.archive_uuid] = station


def _counted(station: StationOutcome, item: ItemResult) -> StationOutcome:
    is_done = item.state is ItemState.DONE
    is_same = item.comparison in (Comparison.SAME, Comparison.STILL_FAILING)
    return replace(
        station,
        entries=station.entries + 1,
        changed=station.changed + (is_done and not is_same),
        verdicts=station.verdicts + item.turns_verdict,
        failed=station.failed + (is_done and item.status == ConversionStatus.FAILED.value),
        skipped=station.skipped + (item.state is ItemState.SKIPPED),
    )


def _verdict(station: StationOutcome, item: ItemResult) -> PlantVerdict:
    return PlantVerdict(
        station=station.station,
        archive_uuid=station.archive_uuid,
        archive_id=item.archive_id,
        serial_number=item.serial_number,
        old_verdict=str(item.old_verdict),
        new_verdict=str(item.new_verdict),
    )
