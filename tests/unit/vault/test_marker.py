"""vault.json: written once, and required."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pywats_archive.errors import NewerFormat, VaultAway, VaultError
from pywats_archive.vault import marker
from pywats_archive.vault.folder import FolderVault


def test_a_vault_is_created_once(tmp_path: Path) -> None:
    """The second time nothing is written."""
    vault = FolderVault(tmp_path / "vault")
    with pytest.raises(VaultAway):
        marker.require(vault)
    assert marker.create(vault)
    content = vault.get("vault.json")
    assert json.loads(content)["format_version"] == 1
    assert not marker.create(vault)
    marker.require(vault)
    assert vault.get("vault.json") == content


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b'{"format_version": 2}', NewerFormat, "format 2 is newer than 1; update"),
        (b'{"format_version": "2"}', NewerFormat, "update"),
        (b"{}", VaultError, "name another place"),
        (b"[1]", VaultError, "name another place"),
        (b"\xff", VaultError, "name another place"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, content: bytes, kind: type[Exception], message: str) -> None:
    """Neither a later format nor any other file is taken for a vault."""
    vault = FolderVault(tmp_path)
    vault.put_new("vault.json", content)
    for call in (marker.create, marker.require):
        with pytest.raises(kind, match=message):
            call(vault)
