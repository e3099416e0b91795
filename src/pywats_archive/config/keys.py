"""The keys that pywats-archive adds to pyWATS' configuration."""

from __future__ import annotations

from difflib import get_close_matches

PASSPHRASE_VARIABLE = "PYWATS_ARCHIVE_KEY_PASSPHRASE"  # noqa: S105 (a name)
"""The passphrase of the signing key; a key that is created while it is set is encrypted."""
IDENTITY_FILE, RECIPIENTS_FILE = "pywats-archive-identity.txt", "pywats-archive-recipients.txt"
"""The keys of encrypted archives, beside the configuration: the secret one of the station, and all public ones."""
IDENTITY_VARIABLE = "PYWATS_ARCHIVE_IDENTITY"
"""A further file with secret keys of encrypted archives, such as the recovery key."""
ARCHIVE_KEYS = (
    "archive_enabled",
    "archive_folder",
    "compliance",
    "retention_days",
    "failed_retention_days",
    "max_archive_size_gb",
    "min_entries",
    "min_days",
    "purge_unsubmitted",
    "alarm",
    "min_free_gb",
    "compression_level",
    "archive_source_files",
    "archive_output_reports",
    "on_archive_error",
    "archive_companions",
    "encryption",
    "allow_same_id",
    "append",
    "settle_seconds",
    "empty_seconds",
    "late_seconds",
    "timeout_seconds",
    "memory_limit_mb",
    "verify_interval_days",
    "verify_rate_mb_s",
)
"""The keys that pyWATS does not know (it knows ``archive_folder``, but wipes it)."""

STATION_KEYS = (
    "submit_timeout_seconds",
    "backup_folder",
    "anchor_folders",
    "anchor_interval_hours",
    "time_stamp_url",
    "time_stamp_certificates",
    "vault_url",
    "vault_endpoint",
    "vault_region",
    "vault_credentials",
    "vault_ca_file",
    "vault_required",
    "vault_interval_seconds",
    "vault_segment_mb",
    "vault_max_mbit",
    "web_host",
    "web_port",
    "web_certificate",
    "web_key",
    "web_names",
)
"""The keys of the whole station that pyWATS does not know."""

RETENTION_KEYS = {
    "retention_days": "retention_days",
    "failed_retention_days": "failed_retention_days",
    "max_archive_size_gb": "max_size_gb",
    "compression_level": "compression_level",
    "min_entries": "min_entries",
    "min_days": "min_days",
    "purge_unsubmitted": "purge_unsubmitted",
}
"""The retention keys, with their names in a policy."""
_LONGEST = 200


def meant_key(key: str) -> str | None:
    """Return the archive key that a key nobody knows was meant to be, if one is close."""
    close = get_close_matches(key, ARCHIVE_KEYS, n=1, cutoff=0.85) if len(key) < _LONGEST else []
    return close[0] if close else None
