"""Open alerts on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from pywats_archive.cli.output import console
from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import utc_now
from pywats_archive.words.alerts import sentence


def print_alerts(alerts: Iterable[OpenAlert]) -> None:
    """Write each open alert as a sentence, with its name and since when it is open."""
    now = utc_now()
    for alert in alerts:
        console.print(Text(f"! {sentence(alert, now=now)}", style="red"), soft_wrap=True)
