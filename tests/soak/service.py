"""The service's process for a siege: the command itself, over a clock that the siege may set while it runs.

``SOAK_CLOCK`` names a file with an offset in seconds. Converter processes import
this module too, and have the same clock.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pywats_archive.models import time as moments

_OFFSET = Path(os.environ["SOAK_CLOCK"])
_real_time, _real_now = time.time, moments.utc_now


def offset_s() -> float:
    """Return how far the clock is set ahead now, in seconds."""
    with suppress(OSError, ValueError):
        return float(_OFFSET.read_text(encoding="ascii"))
    return 0.0


def _now() -> datetime:
    return _real_now() + timedelta(seconds=offset_s())


time.time = lambda: _real_time() + offset_s()
moments.utc_now = _now  # before anything else imports it

if __name__ == "__main__":
    from pywats_archive.cli.main import main

    main()
