"""Loading a converter's code: its description has its patterns, its schedule and its secret arguments."""

from __future__ import annotations

import time

from pywats_archive.conversion.pool.processes import AtStop, ConverterProcesses
from pywats_archive.errors import ConversionInterrupted, WorkersUnavailable
from pywats_archive.host.worker import entry as worker
from pywats_archive.pipeline.lanes.attachment import Attaching
from pywats_archive.pipeline.lanes.lane import Lane


class ConverterLoader:
    """Loads converters, each in its own process; safe to use from many threads."""

    def __init__(self, processes: ConverterProcesses, attaching: Attaching) -> None:
        self._processes = processes
        self._attaching = attaching

    def load(self, lane: Lane) -> None:
        """Reset a lane's breaker with its converter's description, or trip it if the code cannot be loaded.

        ConversionInterrupted when the service is stopped meanwhile.
        """
        limit_s, began_s = min(worker.DESCRIBED_WITHIN_S, lane.config.timeout_seconds), time.monotonic()
        try:
            described = self._processes.run(worker.describe_converter, lane.job, timeout_s=limit_s, at_stop=AtStop.END)
        except ConversionInterrupted:
            raise
        except WorkersUnavailable as exc:
            lane.converter.wait_for_workers(exc)
            return
        except Exception as exc:  # whatever the error is, loading is tried again
            described = str(exc)
        if isinstance(described, str):
            lane.converter.trip(described, took_s=time.monotonic() - began_s)
            return
        is_folder = lane.config.converter_type == "folder"
        lane.listing.own_patterns = described.folder_patterns if is_folder else described.file_patterns
        lane.converter.reset(described)
        self._attaching.refresh(lane)
