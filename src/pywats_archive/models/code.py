"""A converter's code: the file that defines it, and those beside it that it imports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterCode:
    """Files by name (relative to the folder of the first, with forward slashes), the defining one first."""

    files: Mapping[str, bytes]
    class_name: str

    @property
    def main(self) -> str:
        """The name of the file that defines the converter."""
        return next(iter(self.files))

    @property
    def fingerprint(self) -> str:
        """``sha256:<hex>`` of the file; for several files, of a line ``<hex> <name>`` for each, sorted by name."""
        return code_fingerprint(self.files)


def code_fingerprint(files: Mapping[str, bytes]) -> str:
    """Return the fingerprint of a converter's files."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if len(hashes) == 1:
        return f"sha256:{next(iter(hashes.values()))}"
    lines = "".join(f"{digest} {name}\n" for name, digest in sorted(hashes.items()))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
