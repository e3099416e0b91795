"""Setting up a station: what there is to choose from, a trial of each answer, and the change of the configuration."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywats_archive.config import StationConfig
    from pywats_archive.doctor.examination import Examination
    from pywats_archive.doctor.station.checks import StationCheck
    from pywats_archive.host.job import ConverterDescription
    from pywats_archive.host.settings.writing.setup import PlannedSetup
    from pywats_archive.models.operation.capacity import ExpectedLoad
    from pywats_archive.models.settings.setup import (
        ConverterChoice,
        EncryptionKeys,
        SavedSetup,
        SetupAnswers,
        SigningKey,
    )

LEVEL = 6
"""The compression level of a converter that says nothing else."""


class StationSetup:
    """Sets up the station of a configuration, which need not exist yet; only ``save`` and ``make_...`` change anything."""

    def __init__(self, config: Path) -> None:
        self.config = config.absolute()

    @property
    def converters_folder(self) -> Path:
        """The folder of the station's own converters."""
        from pywats_archive.host.settings.configfile import read_station_config

        return (
            read_station_config(self.config).converters_folder if self.is_there else self.config.parent / "converters"
        )

    @property
    def is_there(self) -> bool:
        """Whether the configuration exists."""
        return self.config.exists()

    def choices(self, converters_folder: Path | None = None) -> tuple[ConverterChoice, ...]:
        """Return the converters to choose from, the standard ones first."""
        from pywats_archive.host.choices import choices

        return choices(converters_folder or self.converters_folder)

    def plan(self, answers: SetupAnswers) -> PlannedSetup:
        """Return what the answers would write; UsageError or ConfigError if they cannot be used."""
        from pywats_archive.host.settings.writing.setup import plan_setup

        return plan_setup(self.config, answers)

    def check_server(self, station: StationConfig) -> StationCheck:
        """Ask the server whether it accepts the token; waits about 20 s at most."""
        from pywats_archive.doctor.station.server import check_server

        return check_server(station.server)[0]

    def describe(self, planned: PlannedSetup, name: str) -> ConverterDescription | str:
        """Load a converter in a process of its own; return why that fails."""
        from pywats_archive.conversion.pool.main_script import require_guard
        from pywats_archive.conversion.pool.processes import ConverterProcesses
        from pywats_archive.doctor.station.converters import describe

        config = planned.station.converter(name)
        assert config, "it is planned"
        require_guard()
        with ConverterProcesses(1) as processes:
            return describe(config, planned.station, processes)

    def expected(self, planned: PlannedSetup, name: str) -> ExpectedLoad | None:
        """Return the load that the files of the last week in a converter's folders predict; None if there is none."""
        from pywats_archive.client.settings.expected import by_files

        config = planned.station.converter(name)
        return by_files(config, level=LEVEL) if config else None

    def examine(self, planned: PlannedSetup, *, is_offline: bool) -> Examination:
        """Examine the planned station as ``doctor`` does; without a network, neither the server nor slow trials.

        The folders that ``save`` creates count as there. A new file has no rights
        yet, and keys come last: both are created for this account alone.
        """
        from pywats_archive.doctor.diagnosis import of_station
        from pywats_archive.doctor.examination import with_created
        from pywats_archive.doctor.station.checks import Topic

        found = with_created(of_station(planned.station, is_quick=is_offline), planned.plan.folders)
        unseen = (Topic.ENCRYPTION, *((Topic.SECRETS,) if planned.plan.is_new else ()))
        return replace(found, checks=tuple(each for each in found.checks if each.topic not in unseen))

    def save(self, planned: PlannedSetup) -> SavedSetup:
        """Write the plan durably; a copy of the former file is kept, and watch folders are created."""
        from pywats_archive.host.settings.writing.setup import make_setup

        return make_setup(planned)

    def make_encryption_keys(self) -> EncryptionKeys:
        """Create the keys of encrypted archives, unless there are some; ConfigError if that fails."""
        from pywats_archive.archive.folder.keys import create_keys

        return create_keys(self.config.parent)

    def require_encrypted(self, planned: PlannedSetup) -> None:
        """Raise NotEncrypted if an archive that the set-up wants encrypted is there in clear."""
        from pywats_archive.archive.folder.encryption import require_encrypted

        for root in filter(planned.station.is_encrypted, planned.station.archive_roots()):
            require_encrypted(root)

    def require_key_store(self) -> None:
        """Raise ConfigError unless the passphrase of the signing key is, or can be, in the operating system's key store."""
        from pywats_archive.archive.anchors.key_store import require_key_store
        from pywats_archive.archive.anchors.signing import KEY_FILE, is_in_key_store
        from pywats_archive.errors import ConfigError

        path = self.config.parent / KEY_FILE
        if path.exists() and not is_in_key_store(path):
            raise ConfigError(
                f"{path}: exists already, so its passphrase cannot move to a key store; leave --key-store out"
            )
        require_key_store()

    def make_key(self, *, in_key_store: bool = False) -> SigningKey:
        """Create the key that signs the histories, unless there is one, and put its public part beside the configuration.

        ``in_key_store``: its passphrase is random, and lies in the key store of the operating system. ConfigError or
        StorageError if that fails; the service then creates the key when it first needs it.
        """
        from pywats_archive.archive.anchors.signing import KEY_FILE, load_signer, write_public_key
        from pywats_archive.models.settings.setup import SigningKey

        folder = self.config.parent
        public_key = write_public_key(folder, load_signer(folder, in_key_store=in_key_store), mtime_ns=time.time_ns())
        return SigningKey(path=folder / KEY_FILE, public_key=public_key)
