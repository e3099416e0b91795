"""The digest of a row: SHA-256 over the JSON of its values, by the names of their columns."""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from pywats_archive.catalog.binding.bound import BoundTable

_BYTES = 24
"""192 bits, which is SHA-256/192 of NIST SP 800-208: finding two rows with one digest takes 2^96 tries."""
_PLAIN = frozenset({str, int})
_NOT_ESCAPED = re.compile(r"[^\x00-\x7e]+")
"""The characters that the standard library escapes and orjson does not."""


class RowDigest:
    """Computes the digests of one table's rows."""

    def __init__(self, table: BoundTable) -> None:
        self._begin = f"{table.name}\n".encode("ascii")
        self._columns = table.columns
        self._dumps: Callable[[dict[str, Any]], bytes] | None = None

    def __call__(self, row: Sequence[Any]) -> str:
        r"""Return the digest of a row, whose values are in the order of ``columns``, as 32 characters of base64.

        It is the first 192 bits of the SHA-256 of the ASCII text ``table + "\n" + json``, where ``json`` is the object of all
        values that are not NULL: names sorted, no spaces, other characters than ASCII as ``\uXXXX``; bytes as an object
        ``{"bytes": hex}``. A column that a later version adds with NULL changes no digest.
        """
        values = {name: value for name, value in zip(self._columns, row, strict=True) if value is not None}
        return self._of(self._fast(values) or _written(values))

    def of_json(self, text: str) -> str:
        """Return the digest of a row that is written as JSON; characters other than ASCII need not be escaped."""
        return self._of(_ascii(text))

    def _of(self, written: bytes) -> str:
        whole = hashlib.sha256(self._begin + written).digest()
        return b2a_base64(whole[:_BYTES], newline=False).decode("ascii")

    def _fast(self, values: dict[str, Any]) -> bytes | None:
        """Write a row in a quarter of the time; None if that could differ from the form above."""
        if not _PLAIN.issuperset(map(type, values.values())):
            return None
        if self._dumps is None:
            import orjson  # noqa: PLC0415 (only writers and checks need it)

            self._dumps = orjson.dumps
        try:
            text = self._dumps(values)
        except TypeError:  # no proper text
            return None
        return text if text.isascii() and b"\x7f" not in text else _ascii(text.decode())


def _ascii(text: str) -> bytes:
    return (text if text.isascii() and "\x7f" not in text else _NOT_ESCAPED.sub(_escaped, text)).encode("ascii")


def _escaped(found: re.Match[str]) -> str:
    return encode_basestring_ascii(found[0])[1:-1]


def _written(values: dict[str, Any]) -> bytes:
    members = (f'"{name}":{_value(value)}' for name, value in values.items())
    return f"{{{','.join(members)}}}".encode("ascii")


def _value(value: str | float | bytes) -> str:
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    return f'{{"bytes":"{value.hex()}"}}' if isinstance(value, bytes) else repr(value)
