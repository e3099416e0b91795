"""The extent of a check of the history, in words."""

from __future__ import annotations

from pywats_archive.models.operation.integrity import HistoryChecked


def extent(history: HistoryChecked) -> str:
    """Return the extent of a check as a line, with a hint if no anchor outside the archive was compared."""
    bound = f"rows are bound from event {history.bound_from} on" if history.bound_from else "no event binds rows"
    if history.anchor:
        anchor = f"proved up to {history.anchor}"
    elif history.anchors:
        anchor = "no anchor outside the archive proves it"
    else:
        anchor = (
            "no anchor outside the archive: newest events that were cut off, or a recomputed chain, would not be found; "
            "set anchor_folders"
        )
    erased = f" ({history.erased} of them erased on record)" if history.erased else ""
    return f"history of {history.archive}: {history.events} events{erased}, {bound}; {anchor}{_stamped(history)}"


def _stamped(history: HistoryChecked) -> str:
    """Return up to where time stamps prove the history; empty without any."""
    if not history.stamped:
        return ""
    unknown = (
        "" if history.is_authority_known else ", by an authority that was not checked; set time_stamp_certificates"
    )
    return f"; time-stamped up to {history.stamped}{unknown}"
