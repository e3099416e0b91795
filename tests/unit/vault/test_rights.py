"""The least rights: to store, read and list, and nothing else."""

from __future__ import annotations

import json

import pytest

from pywats_archive.config.vault import VaultSettings
from pywats_archive.vault.rights import least_rights

UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def actions(document: str, effect: str) -> set[str]:
    """Return the actions that a policy allows or denies."""
    found: set[str] = set()
    for each in json.loads(document)["Statement"]:
        if each["Effect"] == effect:
            found |= {each["Action"]} if isinstance(each["Action"], str) else set(each["Action"])
    return found


@pytest.mark.parametrize("prefix", ["", "/plant/1"])
def test_a_bucket_allows_exactly_put_get_and_list(prefix: str) -> None:
    """Below the folder of the archive alone; only the marker is read beside it."""
    document = least_rights(
        VaultSettings(vault_url=f"s3://archives{prefix}", vault_endpoint="https://s3.example"), UUID
    )
    assert actions(document, "Allow") == {"s3:PutObject", "s3:GetObject", "s3:ListBucket"}
    assert actions(document, "Deny") == set()
    own = f"arn:aws:s3:::archives{prefix}/{UUID}/*"
    resources = {each["Resource"] for each in json.loads(document)["Statement"]}
    assert resources == {own, f"arn:aws:s3:::archives{prefix}/vault.json", "arn:aws:s3:::archives"}


def test_aws_denies_a_put_that_may_replace() -> None:
    """The condition is one that AWS alone knows; large blobs are named by their content, and sent in parts without it."""
    document = least_rights(VaultSettings(vault_url="s3://archives/plant"), UUID)
    deny = json.loads(document)["Statement"][-1]
    assert (deny["Effect"], deny["Action"]) == ("Deny", "s3:PutObject")
    assert deny["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    assert deny["Resource"] == [f"arn:aws:s3:::archives/plant/{UUID}/{each}/*" for each in ("*/segments", "probe")]


@pytest.mark.parametrize(
    ("url", "has"),
    [
        ("az://archives/plant", "blobs/add/action"),
        ("gs://archives/plant", "storage.objectCreator"),
        ("/mnt/nas/archives", "It deletes no file"),
    ],
)
def test_other_places_have_no_right_to_delete_or_replace(url: str, has: str) -> None:
    """Azure's ``add`` and Google's creator replace nothing."""
    document = least_rights(VaultSettings(vault_url=url), UUID)
    assert has in document and "archives" in document
    assert not any(word in document for word in ("blobs/write", "delete/action", "objectAdmin", "objectUser"))
