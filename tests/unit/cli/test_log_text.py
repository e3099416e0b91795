"""The log for people: one line per event, in plain words, with colors only where they can be shown."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.cli import logs
from pywats_archive.cli.log_text import has_colors, text_of
from pywats_archive.cli.logs import LogFormat, LogLevel
from pywats_archive.redaction import know_token

AT = "2026-02-13T12:00:00.500000Z"
DONE: dict[str, Any] = {
    "event": "source.finished",
    "level": "info",
    "timestamp": AT,
    "converter": "ICT",
    "path": "/in/board.csv",
    "archive_id": "20260213120000500_a3f2d9",
    "state": "done",
    "to": "removed",
    "reports": 1,
    "accepted": 1,
    "serial_number": "SN1",
    "result": "PASSED",
    "warnings": (),
    "reason": None,
    "duration_ms": 812,
}


def line(**fields: Any) -> str:
    text = text_of({**(DONE if "event" not in fields else {}), **fields})
    assert text
    return " ".join(text.split()[2:])


def test_a_rebuilt_catalog_without_a_copy() -> None:
    """One entry and no copy are said in numbers that read well."""
    numbers = {"entries": 1, "reports": 1, "copy": None, "younger": 0, "kept_as": None}
    said = line(event="catalog.rebuilt", level="warning", timestamp=AT, root="/a", **numbers)
    assert (
        "/a: metadata.db was rebuilt (entries: 1, reports: 1); begun with the copy: -; entries younger than that copy: 0"
        in said
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "INFO ICT board.csv SN1 Passed 1 report accepted 20260213120000500_a3f2d9 0.8 s"),
        ({"reports": 3, "accepted": 3, "result": "FAILED", "duration_ms": 123_456}, "SN1 Failed 3 reports accepted"),
        ({"level": "warning", "warnings": ("no steps",)}, "20260213120000500_a3f2d9 0.8 s no steps"),
        (
            {"level": "error", "state": "failed", "reason": "ValueError: x", "to": "/in/Error/board.csv", "reports": 0},
            "not converted 20260213120000500_a3f2d9 0.8 s ValueError: x; the file is /in/Error/board.csv",
        ),
        ({"level": "error", "state": "failed", "reason": "x", "to": None}, "x; the file is /in/board.csv"),
        ({"state": "refused", "accepted": 0, "reason": "no sn"}, "report refused 20260213120000500_a3f2d9 0.8 s no sn"),
        ({"state": "refused", "accepted": 1, "reports": 3}, "2 of 3 reports refused"),
        ({"archive_id": None, "serial_number": None, "result": None}, "board.csv - - 1 report accepted not archived"),
    ],
)
def test_a_source_is_one_line(fields: dict[str, Any], words: str) -> None:
    """Converter, file, serial number, result, reports, archive id and duration; then warnings, or why and where it is."""
    assert words in line(**fields)


def test_a_converted_source_has_a_line_only_while_its_reports_wait() -> None:
    """A source has one line when it is finished; while the server is away, that may be hours later."""
    converted = {**DONE, "event": "source.converted", "waits_for_server": False}
    assert text_of(converted) is None
    assert "1 report waits " in str(text_of({**converted, "waits_for_server": True}))


def test_tries_that_are_repeated_have_a_line_once() -> None:
    """A server that is away for a night does not fill the log of people; programs get each try."""
    pause = {"event": "outbox.pauses", "level": "warning", "timestamp": AT, "seconds": 60, "reason": "no route"}
    retry = {**pause, "event": "report.retry_scheduled", "converter": "ICT", "path": "/in/board.csv"}
    assert "no route" in str(text_of({**pause, "repeated": False})) and "no route" in str(
        text_of({**retry, "tries": 1})
    )
    assert text_of({**pause, "repeated": True}) is None and text_of({**retry, "tries": 2}) is None


def test_a_file_name_cannot_make_a_second_line_or_disturb_a_terminal() -> None:
    """Control characters are shown as escapes."""
    text = text_of({**DONE, "path": "/in/a\nb\x1b[2J\udce4.csv", "warnings": ("x\ry",)})
    assert text and len(text.splitlines()) == 1 and "\x1b" not in text
    assert r"a\nb\x1b[2J\udce4.csv" in text and r"x\ry" in text


def test_an_event_without_words_of_its_own_shows_its_fields() -> None:
    """Nothing that is logged is lost for people."""
    shown = text_of({"event": "new.event", "level": "warning", "timestamp": AT, "count": 3, "names": ["a", "b"]})
    assert shown and shown.endswith("WARNING  new.event: count 3, names a, b")


def test_an_alert_is_a_sentence_as_in_status() -> None:
    """It says what is wrong, with its name for the page of alerts, and when it is over."""
    alert = {
        "event": "alert.raised",
        "level": "error",
        "timestamp": AT,
        "alert": "server.away",
        "subject": "http://wats",
    }
    assert "alert: The server http://wats accepts no reports: no route (server.away" in line(**alert, reason="no route")
    over = line(**{**alert, "event": "alert.cleared"}, raised_at=AT)
    assert "alert is over: The server http://wats accepts no reports" in over


def test_a_traceback_follows_in_lines_of_its_own_and_secrets_are_removed() -> None:
    """An unexpected error is explained to people too (invariant 10)."""
    know_token("api_token", "s3cr3t-in-a-log")
    event = {"event": "service.failed", "level": "critical", "timestamp": AT, "reason": "s3cr3t-in-a-log"}
    text = text_of({**event, "error_type": "E", "error_message": "m", "traceback": "one\n  two s3cr3t-in-a-log\n"})
    assert text and "s3cr3t" not in text
    assert [each.strip() for each in text.splitlines()[1:]] == ["one", "two [api_token]"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "variables", "colored"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (None, {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (Terminal(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colors_are_used_where_they_are_shown_and_wanted(
    stream: Any, variables: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR, FORCE_COLOR and TERM=dumb are obeyed."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WT_SESSION", "a terminal of Windows that shows colors")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_colors(stream) is colored


def test_each_place_gets_its_own_levels(tmp_path: Path) -> None:
    """Quiet concerns standard error; the file gets the whole log, or what --log-level leaves."""
    texts: list[str] = []
    file = tmp_path / "logs" / "run.log"
    for level in (LogLevel.INFO, LogLevel.WARNING):
        log = logs.configure(texts.append, log_format=LogFormat.JSON, file=file, level=level, quiet=True)
        for name in ("info", "warning", "error", "critical"):
            log.write(event=name, level=name, timestamp=AT)
        log.close()
    shown, kept = (
        [json.loads(each)["event"] for each in text.splitlines()] for text in ("".join(texts), file.read_text())
    )
    assert shown == ["error", "critical"] * 2
    assert kept == ["info", "warning", "error", "critical", "warning", "error", "critical"]
