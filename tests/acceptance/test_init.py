"""``init`` at a terminal: from nothing to a station that converts its first file."""

from __future__ import annotations

import json
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import command
from tests.station import CONVERTER
from tests.terminal import Terminal

from pywats_archive.client import Client
from pywats_archive.demo.server import WatsServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
TOKEN = "dGVzdDpzZWNyZXQtb2YtdGhlLXN0YXRpb24="


@pytest.fixture
def server() -> Iterator[WatsServer]:
    with WatsServer(strict=True) as made:
        yield made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The place of a configuration, with a file of converters beside it."""
    (tmp_path / "converters").mkdir()
    (tmp_path / "converters" / "own.py").write_text(CONVERTER, encoding="utf-8")
    return tmp_path / "config.json"


def test_from_nothing_to_the_first_converted_file(config: Path, server: WatsServer) -> None:
    """Each answer is tried; the file has them, for this account alone; the token is in no output (invariant 10)."""
    with Terminal("init", "--config", config) as terminal:
        terminal.answer("Address of the WATS server", "yours.wats.com")
        terminal.wait_for("is no address")
        terminal.answer("Address of the WATS server", server.address)
        terminal.answer("Token (not shown)", TOKEN)
        terminal.wait_for("ok")
        terminal.answer("Archive folder", "")
        terminal.wait_for("own.py")
        terminal.answer("Converter (number or class)", "own.Any")
        terminal.answer("Name [Any]", "ict")
        terminal.wait_for("Any 3.2.1; takes *")
        terminal.answer("Watch folder", "")
        terminal.wait_for("90 days take about")
        terminal.answer("Keep for how many days [90]", "")
        terminal.answer("Size limit in GB [10]", "20")
        terminal.answer("Keep the reports too?", "")
        terminal.answer("[move]", "")
        terminal.wait_for("and never deleted there")
        terminal.answer("Another converter?", "n")
        terminal.wait_for('"api_token": "********"')
        assert not config.exists() and not (config.parent / "ict").exists()
        terminal.answer("Write ", "y")
        terminal.wait_for(f"pywats-archive service install --config {config}")
        assert terminal.end() == 0
        assert TOKEN not in terminal.shown
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    written = json.loads(config.read_text(encoding="utf-8"))
    assert (written["service_address"], written["api_token"]) == (server.address, TOKEN)
    (section,) = written["converters"]
    assert section["archive_enabled"] is True and section["post_action"] == "move"
    assert (section["module_path"], section["max_archive_size_gb"]) == ("own.Any", 20.0)
    (config.parent / "ict" / "watch" / "SN1.log").write_bytes(b"first")
    assert command("run", "--until-idle", "--config", config).returncode == 0
    with Client.from_config(config) as client:
        (entry,) = client.find().items
    assert entry.serial_number == "SN1" and len(server.received) == 1
    assert (config.parent / "ict" / "Done" / "SN1.log").exists()
    others = [path for path in config.parent.rglob("*") if path.is_file() and path != config]
    assert [path for path in others if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("question", ["Token (not shown)", "Write "])
def test_ctrl_c_leaves_nothing_behind(config: Path, server: WatsServer, question: str) -> None:
    """At the first question as at the last one."""
    before = sorted(config.parent.rglob("*"))
    words = ["--converter", "ict=own.Any", "--retention-days", "30", "--max-size-gb", "5", "--reports"]
    with Terminal("init", "--config", config, "--server", server.address, *words, "--post-action", "zip") as terminal:
        if question == "Write ":
            terminal.answer("Token (not shown)", TOKEN)
            terminal.answer("Archive folder", "")
            terminal.answer("Watch folder", "")
        terminal.wait_for(question)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert TOKEN not in terminal.shown
    assert sorted(config.parent.rglob("*")) == before


def test_a_server_that_is_not_there_is_a_question(config: Path, server: WatsServer) -> None:
    """A no asks for the address and the token again; a yes goes on, and the last question still shows the failure."""
    server.stop()
    words = ["--converter", "ict=own.Any", "--retention-days", "30", "--max-size-gb", "5", "--no-reports"]
    with Terminal("init", "--config", config, *words, "--post-action", "move") as terminal:
        for keep in ("n", "y"):
            terminal.answer("Address of the WATS server", server.address)
            terminal.answer("Token (not shown)", TOKEN)
            terminal.wait_for("does not answer")
            terminal.answer("Keep it anyway?", keep)
        terminal.answer("Archive folder", "")
        terminal.answer("Watch folder", "")
        terminal.wait_for("does not answer")
        terminal.answer("Write ", "n")
        assert terminal.end() == 1
        assert terminal.shown.endswith("pywats-archive: not confirmed; nothing was done\n")
    assert not config.exists()


def test_a_converter_that_cannot_be_loaded_is_a_question(config: Path, server: WatsServer) -> None:
    """The reason is shown, and another converter can be chosen; its code ran in a process of its own."""
    (config.parent / "converters" / "bad.py").write_text(
        CONVERTER + "raise ValueError('no licence')\n", encoding="utf-8"
    )
    words = ["--server", server.address, "--retention-days", "30", "--max-size-gb", "5", "--reports"]
    environment = {"PYWATS_API_TOKEN": TOKEN}
    with Terminal("init", "--config", config, *words, environment=environment) as terminal:
        terminal.answer("Archive folder", "")
        terminal.answer("Converter (number or class)", "bad.Any")
        terminal.answer("Name", "ict")
        terminal.wait_for("no licence")
        terminal.answer("Use it anyway?", "n")
        terminal.answer("Converter (number or class)", "own.Any")
        terminal.answer("Name", "ict")
        terminal.answer("Watch folder", "ict drops")
        terminal.answer("[move]", "delete")
        terminal.wait_for("no copy of the file is left")
        terminal.answer("Another converter?", "n")
        terminal.answer("Write ", "n")
        assert terminal.end() == 1


def test_files_that_are_there_say_how_much_room_is_needed(config: Path, server: WatsServer) -> None:
    """The watch folder is a sample: its files of the last week are compressed."""
    watch = config.parent / "logs"
    watch.mkdir()
    for number in range(3):
        (watch / f"{number}.log").write_bytes(bytes(1000))
    words = ["--server", server.address, "--converter", f"ict=own.Any:{watch}", "--offline"]
    with Terminal("init", "--config", config, *words, environment={"PYWATS_API_TOKEN": TOKEN}) as terminal:
        terminal.answer("Archive folder", "")
        terminal.wait_for("3 files of the last 7 days there, 3 kB; 90 days take about")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130


def test_a_converter_that_is_there_already_stays(config: Path, server: WatsServer) -> None:
    """The words that set a station up end without a change the second time, and nothing of the converter is asked."""
    words = ["--config", str(config), "--server", server.address, "--offline", "--post-action", "delete"]
    words += [
        "--converter",
        f"ict=own.Any:{config.parent / 'logs'}",
        "--archive-folder",
        str(config.parent / "archive"),
    ]
    environment = {"PYWATS_API_TOKEN": TOKEN}
    with Terminal("init", "--yes", *words, environment=environment) as terminal:
        assert terminal.end() == 0
    before = config.read_bytes()
    with Terminal("init", *words, environment=environment) as terminal:
        terminal.wait_for("Nothing to write")
        assert terminal.end() == 0
    assert config.read_bytes() == before
