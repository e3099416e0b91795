"""``plant replay worker``: this computer works for a scheduler of Dask."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pywats_archive.cli import options
from pywats_archive.cli.place import config_of, is_config_named
from pywats_archive.cli.plant.replay.words import (
    CaOption,
    CertificateOption,
    KeyOption,
    UnprotectedOption,
    scheduler_of,
)
from pywats_archive.client.vault.station import settings_of
from pywats_archive.portable.processes import lower_priority


def worker(
    scheduler: Annotated[str, typer.Option(metavar="URL", help="Scheduler of Dask, tls://HOST:8786.")],
    config: options.VaultConfigOption = None,
    tls_ca_file: CaOption = None,
    tls_certificate: CertificateOption = None,
    tls_key: KeyOption = None,
    unprotected_network: UnprotectedOption = False,
    processes: Annotated[
        int, typer.Option(min=0, max=256, help="Number of converter processes; 0 is one per core.")
    ] = 0,
) -> None:
    """Work for a scheduler until it is stopped.

    The vault and its credentials are those of the configuration; without one, the environment has the credentials. Whoever may
    use the scheduler can run any code with the rights of this account.
    """
    from pywats_archive.plant.replaying.engines.worker import serve  # noqa: PLC0415 (needs the extra)

    on = scheduler_of(scheduler, tls_ca_file, tls_certificate, tls_key, unprotected_network)
    assert on
    own = settings_of(config_of(config), None) if is_config_named(config) else None
    lower_priority()
    serve(on, processes or os.cpu_count() or 2, own)
