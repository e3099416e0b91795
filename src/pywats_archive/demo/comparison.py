"""The comparison of what the demo dropped with what the archive holds."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pywats_archive.client import Client
from pywats_archive.demo.drops import Drop
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.portable import names


def missing_sources(client: Client, entries: Sequence[ArchiveEntry], drops: Sequence[Drop]) -> list[str]:
    """Restore every entry into a private folder and compare it with what was dropped."""
    found: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="pywats-archive-check-") as private:
        for number, entry in enumerate(entries):
            folder = Path(private, str(number))
            (restored,) = client.restore([entry.archive_id], folder, actor="demo")
            if restored.path is None:
                return [f"{entry.archive_id}: {restored.error}"]
            found[entry.converter_name, restored.path.name, _fingerprint(restored.path)] += 1
            names.remove_tree(folder)
    dropped = Counter((drop.converter, drop.name, _fingerprint_of(drop)) for drop in drops)
    return [f"{converter}/{name}: is not in the archive as it was dropped" for converter, name, _ in dropped - found]


def _fingerprint(path: Path) -> str:
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        return " ".join(f"{name}:{_sha256(file)}" for name, file in sorted(files.items()))
    return _sha256(path)


def _fingerprint_of(drop: Drop) -> str:
    if drop.members:
        return " ".join(f"{name}:{_sha256(content)}" for name, content in sorted(drop.members.items()))
    return _sha256(drop.origin or drop.content)


def _sha256(content: bytes | Path) -> str:
    digest = hashlib.sha256()
    if isinstance(content, Path):
        with content.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    else:
        digest.update(content)
    return digest.hexdigest()


def is_of(checksum: str, body: bytes) -> bool:
    """Return whether a recorded checksum is that of these bytes."""
    return checksum == f"sha256:{hashlib.sha256(body).hexdigest()}"
