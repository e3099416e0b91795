"""Bech32 (BIP 173), the text form of age's keys."""

from __future__ import annotations

from collections.abc import Iterable

_CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6


def encode(prefix: str, data: bytes) -> str:
    """Return ``data`` as text, in small letters."""
    values = list(_regrouped(data, 8, 5, is_padded=True))
    checksum = _polymod([*_expanded(prefix), *values, *[0] * _CHECKSUM_LENGTH]) ^ 1
    values += [(checksum >> 5 * (5 - place)) & 31 for place in range(_CHECKSUM_LENGTH)]
    return f"{prefix}1{''.join(_CHARACTERS[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """Return prefix and data; ValueError if a character is wrong or missing."""
    if text not in (text.lower(), text.upper()):
        raise ValueError("it has small and capital letters")
    prefix, _, rest = text.lower().rpartition("1")
    values = [_CHARACTERS.find(character) for character in rest]
    is_valid = bool(prefix) and len(values) >= _CHECKSUM_LENGTH and min(values) >= 0
    if not is_valid or _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("a character of it is wrong or missing")
    return prefix, bytes(_regrouped(values[:-_CHECKSUM_LENGTH], 5, 8, is_padded=False))


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> place & 1 else 0
    return checksum


def _expanded(prefix: str) -> list[int]:
    return [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]


def _regrouped(values: Iterable[int], width: int, wanted: int, *, is_padded: bool) -> Iterable[int]:
    """Stream the bits of ``values`` in groups of another width; ValueError if the last bits are no padding."""
    held, bits = 0, 0
    for value in values:
        held, bits = held << width | value, bits + width
        while bits >= wanted:
            bits -= wanted
            yield held >> bits & (1 << wanted) - 1
        held &= (1 << bits) - 1
    if is_padded and bits:
        yield held << wanted - bits
    elif not is_padded and (bits >= width or held):
        raise ValueError("its last character is wrong")
