"""The command and its standard streams: whatever they are, an answer or one line, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, Station

VERBS = (
    ["list"],
    ["status"],
    ["stats"],
    ["show", "{id}"],
    ["search", "ä"],
    ["list", "--json"],
    ["list", "--help"],
    ["--help"],
)
ODD_NAME = "ä☃ [red]:boom:.log"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An archive in which names, serial numbers and errors are not ASCII, and look like markup."""
    with Station(tmp_path_factory.mktemp("streams") / "station") as station:
        station.code(
            "class Bad(Any):\n    def outcome(self, source, context):\n        raise ValueError('größer → [/]')\n"
        )
        (station.add("gut ☃") / ODD_NAME).write_bytes(b"content")
        (station.add("schlecht [b]", "own.Bad") / "b.log").write_bytes(b"x")
        station.run()
        yield station.archive_root


def _words(archive: Path, verb: list[str]) -> list[str]:
    newest = sorted((archive / "sources").rglob("*.gz"))[-1].name[:24]
    here = [] if "--help" in verb else ["--archive", str(archive)]
    return [sys.executable, "-m", "pywats_archive", *(word.format(id=newest) for word in verb), *here]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "utf-16"])
def test_any_encoding_of_standard_output_gives_an_answer(archive: Path, encoding: str) -> None:
    """What an encoding lacks is shown as an escape, by every verb and by the help."""
    code = (
        "import json, sys\n"
        "from pywats_archive.cli.main import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['pywats-archive', *words]\n"
        "    try:\n"
        "        main()\n"
        "    except SystemExit as exc:\n"
        "        assert exc.code == 0, words\n"
    )
    verbs = json.dumps([_words(archive, verb)[3:] for verb in VERBS])
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    answer = subprocess.run(
        [sys.executable, "-c", code, verbs], capture_output=True, env=environment, timeout=PATIENCE_S, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, b""), answer.stderr.decode()
    assert "Show the version" in answer.stdout.decode("ascii" if encoding == "ascii" else encoding)


def test_a_name_that_looks_like_markup_is_shown_as_it_is(archive: Path) -> None:
    """What is in brackets is text, and a word between colons no picture."""
    listed = subprocess.run(_words(archive, ["list"]), capture_output=True, timeout=PATIENCE_S, check=True)
    assert ODD_NAME in listed.stdout.decode() and "schlecht [b]" in listed.stdout.decode()
    asked = subprocess.run(_words(archive, ["status", "[/]"]), capture_output=True, timeout=PATIENCE_S, check=False)
    assert (asked.returncode, asked.stderr) == (1, b"") and asked.stdout.startswith(b"[/]: no converter")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell is needed")
@pytest.mark.parametrize(
    ("verb", "redirected", "code", "told"),
    [
        (["show", "{id}"], ">&-", 0, ""),
        (["list"], "<&- >&- 2>&-", 0, ""),
        (["show", "{id}"], "> /dev/full", 1, "standard output: No space left on device"),
        (["list", "--json"], "> /dev/full", 1, "standard output: No space left on device"),
        (["list", "--help"], "> /dev/full", 1, "standard output: No space left on device"),
        (["show", "{id}"], "| head -c 1 > /dev/null; exit 0", 0, ""),
        (["list"], "| true; exit ${PIPESTATUS[0]}", None, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_ends_in_one_line_at_most(
    archive: Path, verb: list[str], redirected: str, code: int | None, told: str
) -> None:
    """Nothing is complained of when the reader left; a full disk is one line and exit 1."""
    words = " ".join(f"'{word}'" for word in _words(archive, verb))
    shell = subprocess.run(
        ["bash", "-c", f"{words} {redirected}"], capture_output=True, timeout=PATIENCE_S, check=False
    )
    lines = shell.stderr.decode().splitlines()
    assert shell.returncode in ((0, 1) if code is None else (code,)), shell.stderr
    assert len(lines) == bool(told) and all(told in line for line in lines), shell.stderr


def test_no_file_takes_the_place_of_a_closed_stream(archive: Path) -> None:
    """With all three closed, what is opened next gets none of their numbers, so that nothing is printed into it."""
    code = (
        "import os, sys\n"
        "from pywats_archive.cli import streams\n"
        "streams.prepare()\n"
        f"file = os.open({str(archive / 'README.txt')!r}, os.O_RDONLY)\n"
        "print('nowhere')\n"
        f"open({str(archive.parent / 'told')!r}, 'w').write(f'{{file}}')\n"
    )
    subprocess.run(["bash", "-c", f'"{sys.executable}" -c "$0" <&- >&- 2>&-', code], timeout=PATIENCE_S, check=True)
    assert int((archive.parent / "told").read_text()) > 2


def test_an_error_that_nobody_foresaw_is_one_line_and_a_file_of_ones_own(archive: Path, tmp_path: Path) -> None:
    """The line says where the details are; nobody else can read them. PYWATS_ARCHIVE_DEBUG has them printed."""
    code = (
        "import sys\n"
        "from unittest import mock\n"
        "from pywats_archive.cli.main import main\n"
        "with mock.patch('pywats_archive.client.Client.find', side_effect=ZeroDivisionError('nobody\\nforesaw')):\n"
        "    main()\n"
    )  # whatever is known to raise is mended
    words = [sys.executable, "-c", code, "list", "--archive", str(archive)]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    answer = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False)
    (details,) = tmp_path.iterdir()
    assert answer.returncode == 1 and answer.stdout == ""
    assert answer.stderr.splitlines() == [
        f"pywats-archive: an unexpected error (ZeroDivisionError: nobody foresaw); the details are in {details}"
    ]
    assert "Traceback" in details.read_text() and (os.name == "nt" or details.stat().st_mode & 0o077 == 0)
    environment["PYWATS_ARCHIVE_DEBUG"] = "1"
    answer = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False)
    assert "Traceback" in answer.stderr and len(list(tmp_path.iterdir())) == 1
