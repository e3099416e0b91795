"""The digest of a row: SHA-256 over the JSON of its values, by the names of their columns."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from pywats_archive.catalog.binding.bound import BoundTable

_BYTES = 24
"""192 bits, which is SHA-256/192 of NIST SP 800-208: finding two rows with one digest takes 2^96 tries."""


class RowDigest:
    """Computes the digests of one table's rows."""

    def __init__(self, table: BoundTable) -> None:
        self._begin = f"{table.name}\n{{"
        self._names = [f'"{name}":' for name in table.columns]

    def __call__(self, row: Sequence[Any]) -> str:
        r"""Return the digest of a row, whose values are in the order of ``columns``, as 32 characters of base64.

        It is the first 192 bits of the SHA-256 of the ASCII text ``table + "\n" + json``, where ``json`` is the object of all
        values that are not NULL: names sorted, no spaces, other characters than ASCII as ``\uXXXX``; bytes as an object
        ``{"bytes": hex}``. A column that a later version adds with NULL changes no digest.
        """
        text = ",".join(
            [
                name + encode_basestring_ascii(value)
                if type(value) is str
                else f"{name}{value}"
                if type(value) is int
                else name + _written(value)
                for name, value in zip(self._names, row, strict=True)
                if value is not None
            ]
        )
        whole = hashlib.sha256(f"{self._begin}{text}}}".encode("ascii")).digest()
        return b2a_base64(whole[:_BYTES], newline=False).decode("ascii")


def _written(value: float | bytes) -> str:
    return f'{{"bytes":"{value.hex()}"}}' if isinstance(value, bytes) else repr(value)
