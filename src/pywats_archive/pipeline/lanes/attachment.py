"""Attaching lanes to open archives: their ledgers and interceptors."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.key import load_key
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.compliance import remember
from pywats_archive.pipeline.lanes.lane import Attachment, Lane
from pywats_archive.pipeline.lanes.ledgers import ArchiveLedger, AwayLedger, only_seen


class Attaching:
    """Attaches lanes to open archives and detaches them, while no work of these lanes runs."""

    def __init__(self, config_path: Path, *, clock: Clock) -> None:
        self._config_path = config_path
        self._now = clock

    def attach(self, lane: Lane, archive: Archive) -> None:
        """Use the ledger of an open archive for a lane; ArchiveError when its catalog fails."""
        lane.attachment = self._attachment(lane, archive)
        lane.ledger = ArchiveLedger(archive, lane.name)

    def refresh(self, lane: Lane) -> None:
        """Use the latest description of the lane's converter in further records."""
        if lane.attachment:
            lane.attachment = self._attachment(lane, lane.attachment.archive)

    def reattach(self, lane: Lane, archive: Archive) -> None:
        """Attach a lane to an archive that is back, and record the sources that came and vanished meanwhile."""
        before = lane.ledger
        vanished = before.vanished if isinstance(before, AwayLedger) else []
        seen = [Sighting(path=a.path, size_bytes=a.size_bytes, mtime_ns=a.mtime_ns) for a in vanished]
        try:
            self.attach(lane, archive)
            for arrival in lane.ledger.enter(seen) if seen else ():
                lane.ledger.mark_vanished(arrival)
        except ArchiveError:
            lane.attachment, lane.ledger = None, before
            raise
        lane.scan.reset()

    def detach(self, lane: Lane) -> None:
        """Use an in-memory ledger for a lane whose archive was closed; sources that were certainly only seen stay known."""
        if lane.attachment is None:
            return
        seen = only_seen(lane.scan.known.values(), changed=set(lane.scan.stale), active=lane.scan.active)
        lane.attachment = None
        lane.ledger = AwayLedger(lane.name, clock=self._now, seen=seen)
        lane.scan.reset()

    def _attachment(self, lane: Lane, archive: Archive) -> Attachment:
        description = lane.converter.description
        info = description.info if description else None
        key = load_key(self._config_path.parent)
        interceptor = ArchiveInterceptor(archive, lane.config, key=key, info=info)
        if archive.is_compliant:
            remember(self._config_path, lane.config, archive.root)
        return Attachment(archive=archive, interceptor=interceptor)
