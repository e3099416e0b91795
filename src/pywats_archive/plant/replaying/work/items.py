"""The entries of an excerpt, each converted by the planned code with the configuration and the arguments on record."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from pywats_archive.archive.replica.excerpt import Excerpt
from pywats_archive.archive.results.current import Current, current
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.server import ServerConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings.secrets import is_fingerprint
from pywats_archive.models.operation.replay import ItemResult, ReplayRequest
from pywats_archive.models.plant.replay import PlannedCode
from pywats_archive.plant.replaying.work.process import ReplayProcess
from pywats_archive.reprocessing.effects import skipped
from pywats_archive.reprocessing.replayer import Replayer, Skipped
from pywats_archive.reprocessing.trial import Trial


class Items:
    """Replays entries of one excerpt, as a dry run; used by one thread."""

    def __init__(self, made: Excerpt, run: str, code: PlannedCode, process: ReplayProcess, station: str) -> None:
        self._made = made
        self._run = run
        self._code = code
        self._process = process
        self._station = station
        self._trials: dict[str, tuple[Trial, Replayer]] = {}

    def replay(self, archive_id: str) -> ItemResult:
        """Replay an entry; skipped, with the reason, if that is not possible here."""
        now = current(self._made, archive_id)
        now = replace(now, entry=replace(now.entry, purged_at=None))
        try:
            tried = self._trial(now).of(now)
        except Skipped as exc:
            return skipped(archive_id, str(exc))
        if self._code.distribution and tried.replayed.converter.fingerprint != self._code.fingerprint:
            raise ArchiveError(
                f"this worker has {tried.replayed.converter.distribution or 'other code'}, and the plan names "
                f"{self._code.distribution} with {self._code.fingerprint}; install that version"
            )
        return tried.result

    def __enter__(self) -> Items:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, replayer in self._trials.values():
            replayer.close()

    def _trial(self, now: Current) -> Trial:
        """Return the trial for the configuration that an entry was converted with; Skipped if it is not known."""
        if now.conversion is None:
            raise Skipped("no conversion of it is on record, so its configuration is not known")
        configuration = now.conversion.configuration
        for name, value in now.conversion.parameters.items():
            if is_fingerprint(value):
                raise Skipped(f"its argument '{name}' is a secret, of which the vault has only a fingerprint")
        same = json.dumps(configuration, sort_keys=True, default=str)
        if same not in self._trials:
            self._trials[same] = self._made_trial(now.entry.converter_name, configuration)
        return self._trials[same][0]

    def _made_trial(self, name: str, configuration: Mapping[str, Any]) -> tuple[Trial, Replayer]:
        laid_out = self._process.code(self._run, self._code)
        module_path = f"{laid_out}.{self._code.class_name}" if laid_out else self._code.class_name
        try:
            config = ConverterConfig.model_validate({"module_path": module_path, **configuration, "name": name})
        except ValidationError as exc:
            raise Skipped(f"its configuration on record is not valid ({exc.errors()[0]['msg']})") from exc
        if config.is_appended:
            raise Skipped("it is of a file that grows; replay it at its station")
        limit = config.memory_limit_mb or self._process.memory_share_mb
        config = config.model_copy(update={"module_path": module_path, "memory_limit_mb": limit, "arguments": {}})
        station = StationConfig(
            path=self._made.root / "config.json",
            converters_folder=laid_out.parent if laid_out else self._made.root,
            server=ServerConfig(station_name=self._station),
            converters=(config,),
        )
        request = ReplayRequest(
            dry_run=True,
            use_current_parameters=False,
            converter_file=_candidate(laid_out, self._code.class_name),
        )
        replayer = Replayer(
            self._made,
            station,
            self._process.pool,
            request,
            key=secrets.token_bytes(32),
            scratch=self._process.scratch,
        )
        return Trial(self._made, station, request, replayer), replayer


def _candidate(path: Path | None, class_name: str) -> str | None:
    return f"{path}:{class_name}" if path else None
