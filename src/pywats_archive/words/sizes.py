"""Sizes as people read them."""

from __future__ import annotations


def human_size(size_bytes: int | None) -> str:
    """Write a size with three digits: 999 B, 1.02 kB, 12.3 MB; a dash for none."""
    if size_bytes is None:
        return "-"
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "B" else f"{size_bytes} B"
        size /= 1000
    return f"{size:,.3g} TB"
