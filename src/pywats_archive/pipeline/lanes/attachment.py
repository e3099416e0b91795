"""A lane's side of its mount: which ledger it has, and what brings its sources into the archive."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.secrets import load_key
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.lanes.lane import Attachment, Lane
from pywats_archive.pipeline.lanes.ledgers import ArchiveLedger, AwayLedger, only_seen


class Attaching:
    """Attaches lanes to open archives and detaches them, while no work of theirs goes on."""

    def __init__(self, config_path: Path, *, clock: Clock) -> None:
        self._config_path = config_path
        self._now = clock

    def attach(self, lane: Lane, archive: Archive) -> None:
        """Give a lane the ledger of an open archive; ArchiveError when its catalog fails."""
        lane.attachment = self._attachment(lane, archive)
        lane.ledger = ArchiveLedger(archive, lane.name)

    def refresh(self, lane: Lane) -> None:
        """Record conversions by what the lane's converter says of itself now."""
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
        """Take a closed archive from a lane; the sources that were certainly only seen stay known."""
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
        return Attachment(archive=archive, interceptor=ArchiveInterceptor(archive, lane.config, key=key, info=info))
