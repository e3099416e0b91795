"""The keys of a vault."""

from __future__ import annotations

README = "README.txt"
_DIGITS = 12
_ENDING, _BLOB = ".zip", ".gz"


def segments_folder(archive_uuid: str, chain: str) -> str:
    """Return the folder with the segments of a history."""
    return f"{archive_uuid}/{chain}/segments"


def segment_key(archive_uuid: str, chain: str, first: int) -> str:
    """Return the key of a segment: the number of its first event."""
    return f"{segments_folder(archive_uuid, chain)}/{first:0{_DIGITS}}{_ENDING}"


def first_of(key: str) -> int | None:
    """Return the number of the first event of the segment at a key; None if there is no segment."""
    digits = key.rpartition("/")[2].removesuffix(_ENDING)
    is_segment = key.endswith(f"segments/{digits}{_ENDING}") and len(digits) == _DIGITS and digits.isdecimal()
    return int(digits) if is_segment else None


def large_folder(archive_uuid: str) -> str:
    """Return the folder with the blobs that are objects of their own."""
    return f"{archive_uuid}/blobs"


def large_key(archive_uuid: str, sha256: str) -> str:
    """Return the key of a blob that is an object of its own."""
    return f"{large_folder(archive_uuid)}/{sha256}{_BLOB}"


def sha256_of(key: str) -> str:
    """Return the SHA-256 of a blob that is an object of its own, from its key."""
    return key.rpartition("/")[2].removesuffix(_BLOB)
