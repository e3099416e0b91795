"""Recording that a source vanished before it could be archived."""

from __future__ import annotations

from pywats_archive.conversion.source_log import log_of
from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.lanes.ledgers import GONE_BEFORE, Ledger


def record_vanished(ledger: Ledger, arrival: Arrival, failures: ArchiveFailures, *, reason: str = GONE_BEFORE) -> None:
    """Record that a source is gone, or was replaced; its failure to be archived, if there was one, is over.

    The caller has made sure that the watch folder is available: otherwise its sources have not vanished.
    """
    ledger.mark_vanished(arrival, reason=reason)
    failures.resolve(arrival.converter_name, arrival.number)
    log_of(arrival).error("source.vanished", reason=reason)
