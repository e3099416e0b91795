"""The credentials of a bucket: from a file that only this account may read, or from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import read_small
from pywats_archive.portable.private import group_who_may_read, others_who_may_read
from pywats_archive.redaction import know_token

_NAMES = {
    "s3": {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    },
    "az": {
        "azure_storage_account_name": "account_name",
        "azure_storage_account_key": "account_key",
        "azure_storage_sas_key": "sas_key",
        "azure_tenant_id": "tenant_id",
        "azure_client_id": "client_id",
        "azure_client_secret": "client_secret",
    },
    "gs": {"google_service_account_key": "service_account_key", "google_service_account": "service_account"},
}
"""The names in a file and in the environment, with those of obstore."""
VARIABLES = frozenset(name.upper() for names in _NAMES.values() for name in names)
"""The environment variables of all of them."""
_PUBLIC = {"access_key_id", "account_name", "tenant_id", "client_id", "service_account"}
_MOST_BYTES = 100_000


def credentials_of(settings: VaultSettings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the credentials, by obstore's names; each secret is redacted from every text from now on (invariant 10).

    ConfigError if there are none, or if others may read the file.
    """
    scheme = settings.bucket.scheme if settings.bucket else ""
    names = _NAMES[scheme]
    if settings.vault_credentials:
        found = _of_file(Path(settings.vault_credentials), scheme)
    else:
        found = {name: environ.get(name.upper(), "") for name in names}
    used = {names[name]: value for name, value in found.items() if name in names and value}
    for name, value in used.items():
        if name not in _PUBLIC:
            know_token("vault_credentials", value)
    if not used:
        place = settings.vault_credentials or "the environment"
        raise ConfigError(f"{place}: has no credentials of the vault; set those that you have of {', '.join(names)}")
    return used


def _of_file(path: Path, scheme: str) -> dict[str, str]:
    try:
        if others := others_who_may_read(path) or tuple(
            f"the group {name}" for name in [group_who_may_read(path)] if name
        ):
            raise ConfigError(
                f"{path}: can be read by {', '.join(others)}; let the account of the service alone read it"
            )
        text = read_small(path, most_bytes=_MOST_BYTES).decode("utf-8-sig")
    except OSError as exc:
        raise ConfigError(f"{path}: vault_credentials cannot be read ({exc.strerror or exc})") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: is not UTF-8; write lines such as {next(iter(_NAMES[scheme]))} = ...") from exc
    if scheme == "gs" and text.lstrip().startswith("{"):  # the file as Google hands it out
        return {"google_service_account_key": text}
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith(("#", ";", "[")))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
