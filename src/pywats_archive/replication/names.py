"""The keys of a vault."""

from __future__ import annotations

README = "README.txt"
_DIGITS = 12
_ENDING, _BLOB = ".zip", ".gz"
_REPAIR = "repair"


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


def repairs_folder(archive_uuid: str, chain: str) -> str:
    """Return the folder with the repairs of a history's segments."""
    return f"{archive_uuid}/{chain}/{_REPAIR}"


def repair_key(segment: str, number: int) -> str:
    """Return the key of a repair of a segment, by the segment's key; ``number`` counts from 1."""
    folder, _, name = segment.rpartition("/")
    return f"{folder.rpartition('/')[0]}/{_REPAIR}/{name.removesuffix(_ENDING)}-{number}{_ENDING}"


def large_repairs_folder(archive_uuid: str) -> str:
    """Return the folder with the repairs of blobs that are objects of their own."""
    return f"{large_folder(archive_uuid)}/{_REPAIR}"


def large_repair_key(archive_uuid: str, sha256: str, number: int) -> str:
    """Return the key of a repair of a blob that is an object of its own; ``number`` counts from 1."""
    return f"{large_repairs_folder(archive_uuid)}/{sha256}-{number}{_BLOB}"


def number_of(key: str) -> int:
    """Return the number of a repair, from its key; 0 if it is none."""
    name = key.removesuffix(_ENDING).removesuffix(_BLOB).rpartition("/")[2]
    digits = name.rpartition("-")[2]
    return int(digits) if f"/{_REPAIR}/" in key and "-" in name and digits.isdecimal() and digits.isascii() else 0
