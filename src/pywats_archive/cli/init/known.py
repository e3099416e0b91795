"""What a configuration itself says of its server: the service does not have the environment of this command."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from pywats_archive.cli.init.given import SERVER_VARIABLE, TOKEN_VARIABLE, Given
from pywats_archive.config import StationConfig
from pywats_archive.config.server import stripped
from pywats_archive.host.settings.document import read_object


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Whether a configuration has the address of its server, and the token, without any environment variable."""

    has_address: bool = False
    has_token: bool = False


def known_of(present: StationConfig | None) -> Known:
    """Return what the configuration has: in its own keys, in a preset, or by registration; nothing if there is no file."""
    if present is None:
        return Known()
    fields = read_object(present.path)

    def has(key: str, resolved: str, variable: str) -> bool:
        return bool(stripped(fields.get(key)) or (resolved and resolved != stripped(os.environ.get(variable, ""))))

    return Known(
        has_address=has("service_address", present.server.service_address, SERVER_VARIABLE),
        has_token=has("api_token", present.server.api_token, TOKEN_VARIABLE),
    )


def without_known(given: Given, known: Known) -> Given:
    """Return the options without an environment variable's value, where the configuration has its own already."""
    same_server = given.server == os.environ.get(SERVER_VARIABLE)
    same_token = given.token == os.environ.get(TOKEN_VARIABLE)
    return replace(
        given,
        server="" if same_server and known.has_address else given.server,
        token="" if same_token and known.has_token else given.token,
    )
