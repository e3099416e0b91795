"""The limit of all waits in tests."""

from __future__ import annotations

import sys

PATIENCE_S = 300 if sys.platform == "win32" else 240
"""A busy machine may be twenty times slower, and processes of Windows start slowly under Wine. A wait ends when its condition
holds, so a long limit costs nothing."""
