"""The least rights that a station needs in a vault, as the provider's own document: to store, read and list, nothing else."""

from __future__ import annotations

import json
from typing import Any

from pywats_archive.config.vault import VaultSettings
from pywats_archive.vault.store import MARKER

_SHARE = """\
The account of the service reads everything in {place}, and creates files and folders in {place}/{archive}.
It deletes no file and changes none: leave out these rights where the file server can.
Turn snapshots on: they protect the files from whoever has more rights.
"""
_GOOGLE = """\
roles/storage.objectCreator and roles/storage.objectViewer on the bucket {bucket}, both with the condition
resource.name.startsWith("projects/_/buckets/{bucket}/objects/{below}/{archive}/")
and roles/storage.objectViewer with the condition
resource.name == "projects/_/buckets/{bucket}/objects/{below}/{marker}"
and a role of your own with storage.objects.list alone, on the bucket, without a condition
"""
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"


def least_rights(settings: VaultSettings, archive_uuid: str) -> str:
    """Return the text for whoever administers the vault, for the key of the station with this archive."""
    bucket = settings.bucket
    if bucket is None:
        return _SHARE.format(place=settings.vault_url, archive=archive_uuid)
    prefix = bucket.path.strip("/")
    if bucket.scheme == "s3":
        document = _s3(bucket.netloc, prefix, archive_uuid, is_aws=not settings.vault_endpoint)
    elif bucket.scheme == "az":
        document = _azure(bucket.netloc)
    else:
        text = _GOOGLE.format(bucket=bucket.netloc, below=prefix, archive=archive_uuid, marker=MARKER)
        return text.replace("objects//", "objects/")
    return json.dumps(document, indent=2) + "\n"


def _s3(bucket: str, prefix: str, archive_uuid: str, *, is_aws: bool) -> dict[str, Any]:
    own, marker = _below(prefix, archive_uuid), _below(prefix, MARKER)
    arn = f"arn:aws:s3:::{bucket}"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "StoreAndRead",
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": f"{arn}/{own}/*",
        },
        {"Sid": "ReadMarker", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/{marker}"},
        {
            "Sid": "List",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": arn,
            "Condition": {"StringLike": {"s3:prefix": [f"{own}/*", f"{own}/"]}},
        },
    ]
    if is_aws:  # other servers do not know the condition, and would deny everything
        statements.append(
            {
                "Sid": "ReplaceNothing",
                "Effect": "Deny",
                "Action": "s3:PutObject",
                "Resource": [f"{arn}/{own}/*/segments/*", f"{arn}/{own}/probe/*"],
                "Condition": {"Null": {"s3:if-none-match": "true"}},
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def _azure(container: str) -> dict[str, Any]:
    """Return a custom role; ``add`` creates a blob and, unlike ``write``, replaces none."""
    return {
        "Name": "pywats-archive station",
        "Description": f"Stores new blobs in {container}, reads and lists them; replaces and deletes none",
        "Actions": [],
        "DataActions": [f"{_BLOBS}/blobs/read", f"{_BLOBS}/blobs/add/action"],
        "AssignableScopes": [
            "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts/ACCOUNT"
            f"/blobServices/default/containers/{container}"
        ],
    }


def _below(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
