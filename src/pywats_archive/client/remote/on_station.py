"""What of ``Client`` works on the station alone: each says why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.client.api import Client
from pywats_archive.client.remote.calls import refused
from pywats_archive.errors import UsageError

if TYPE_CHECKING:
    from pywats_archive.doctor.examination import Examination
    from pywats_archive.models.operation.capacity import Ratios
    from pywats_archive.models.settings.installation import Installation

_ON_THE_STATION = "since it works on files of the computer where it runs; use the command on the station"


class OnStation:
    """Methods of ``Client`` that are refused over the network."""

    rebuild = refused(
        Client.rebuild, "since no other process may have the catalog open; use the command on the station"
    )

    export_bag = refused(Client.export_bag, "since it writes files on the station; download it with 'stream_bag'")
    anchor = refused(Client.anchor, "since the signing key lies on the station; use the command there")
    request_time_stamp = refused(Client.request_time_stamp, "since the signing key lies on the station")
    add_time_stamp = refused(Client.add_time_stamp, "since it writes files on the station; use the command there")
    import_bag = refused(Client.import_bag, "since it reads files of the station; use the command there")
    preview_import = refused(Client.preview_import, "since it reads a folder of the station; use the command there")
    import_done = refused(Client.import_done, "since it reads a folder of the station; use the command there")
    preview_erasure = refused(Client.preview_erasure, "since it may read every report; use the command on the station")
    erase = refused(Client.erase, "since it rewrites the catalog and its copies; use the command on the station")
    record_event = refused(Client.record_event, "since the station records its own events")

    @staticmethod
    def doctor(
        *, config: Path | str | None = None, archive: Path | str | None = None, quick: bool = False
    ) -> Examination:
        """Refuse: it tests folders."""
        raise UsageError(f"doctor: not over the network, {_ON_THE_STATION}")

    @staticmethod
    def installation() -> Installation:
        """Refuse: it describes the program of this computer."""
        raise UsageError(f"installation: not over the network, {_ON_THE_STATION}")

    @staticmethod
    def measure(folder: Path | str, *, level: int = 6) -> tuple[Ratios, float]:
        """Refuse: it reads a folder."""
        raise UsageError(f"measure: not over the network, {_ON_THE_STATION}")
