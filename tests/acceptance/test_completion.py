"""Shells complete verbs, options, converters, statuses and runs, and never show an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.command import command
from tests.station import PATIENCE_S, Station

from pywats_archive.cli.verbs import NAMED

SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def filled(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station in the current folder, with one run; the environment names nothing."""
    for name in ("PYWATS_ARCHIVE_CONFIG", "PYWATS_ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(station.root)
    (station.add("Ict") / "SN77.log").write_bytes(b"content")
    station.add("Line one")
    station.run()
    return station


def offered(line: str, *, shell: str = "powershell") -> list[str]:
    """Ask as the script of PowerShell does, which runs on every system; without the help behind each word."""
    word = "" if line.endswith(" ") else line.rsplit(" ", 1)[-1]
    variables = {"_TYPER_COMPLETE_ARGS": line.strip(), "_TYPER_COMPLETE_WORD_TO_COMPLETE": word}
    answer = asked(f"complete_{shell}", variables)
    assert (answer.returncode, answer.stderr) == (0, "")
    return [each.split(":::")[0] for each in answer.stdout.splitlines() if each]


def asked(instruction: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return command(environment={**os.environ, "_PYWATS_ARCHIVE_COMPLETE": instruction, **variables})


def test_what_can_be_completed(filled: Station) -> None:
    """Verbs, the verbs of a group, options, and the values that the station or the program knows."""
    assert command("reprocess", "start", "SN77", "--yes").returncode == 0
    assert offered("pywats-archive sta") == ["status", "stats"]
    assert offered("pywats-archive policy ") == ["list", "show", "set", "reset"]
    assert offered("pywats-archive list --conv") == ["--converter"]
    assert offered("pywats-archive list --converter ") == ["Ict", "Line one"]
    assert offered("pywats-archive policy show ") == ["Ict", "Line one", "*"]
    assert offered("pywats-archive list --status f") == ["failed"]
    assert offered("pywats-archive list --result p") == ["passed"]
    assert offered("pywats-archive list --submission acc") == ["accepted"]
    assert offered("pywats-archive list --sort du") == ["duration"]
    assert offered("pywats-archive reprocess show ") == ["1"]
    assert offered("pywats-archive completion z") == ["zsh"]


def test_the_options_of_the_line_say_which_station_is_meant(
    filled: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no option is needed for the verb itself."""
    monkeypatch.chdir(tmp_path)
    assert offered(f"pywats-archive stats --config {filled.root / 'config.json'} --converter I") == ["Ict"]
    assert offered(f"pywats-archive stats --archive {filled.archive_root} --converter I") == ["Ict"]


@pytest.mark.parametrize(
    "line", ["stats --converter ", "reprocess show ", "list --bogus ", "none ", "list 'open ", "   "]
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_nothing_goes_wrong_in_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, shell: str) -> None:
    """Without a station, or with a variable that names nothing, there is no offer and no word of an error."""
    monkeypatch.setenv("PYWATS_ARCHIVE_CONFIG", str(tmp_path / "none"))
    words = f"pywats-archive {line}"
    bash = {"COMP_WORDS": words.replace(" ", "\n"), "COMP_CWORD": str(words.count(" "))}
    fish = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    answer = asked(f"complete_{shell}", {"_TYPER_COMPLETE_ARGS": words, **bash, **fish})
    assert answer.stderr == "" and "Traceback" not in answer.stdout and "PYWATS" not in answer.stdout


def test_a_broken_call_is_silent() -> None:
    """Of an unknown shell, or without the variables that belong to one."""
    for instruction in ("complete_tcsh", "complete_bash", "nonsense"):
        answer = asked(instruction, {})
        assert (answer.stdout, answer.stderr) == ("", ""), instruction


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("pywats-archive docto\t", "pywats-archive doctor "),
        ("pywats-archive stats --converter I\t", "--converter Ict "),
        ("pywats-archive stats --converter L\t", "--converter Line\\ one "),
        ("pywats-archive stats --converter Line\\ o\t", "--converter Line\\ one "),
        ('pywats-archive stats --converter "Line o\t', '--converter "Line one" '),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX: a terminal")
def test_a_real_shell_completes_the_line(filled: Station, shell: str, typed: str, completed: str) -> None:
    """With the Tab key, at a terminal, after the script was loaded as the help says."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    plain = {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    start = {"bash": "", "zsh": "autoload -U compinit; compinit -u -D; "}[shell]
    with Terminal(plain) as terminal:
        terminal.write(f'{start}eval "$(pywats-archive completion {shell})"; echo rea""dy\n')
        assert terminal.shows("ready"), terminal.text
        terminal.write(typed)
        assert terminal.shows(completed), terminal.text


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_the_line(filled: Station) -> None:
    """Verbs with their help, and names with spaces."""
    for line, expected in (
        ("docto", f"doctor\t{NAMED['doctor'].help}"),
        ("stats --converter ", "Ict\nLine one"),
    ):
        code = f"pywats-archive completion fish | source; complete -C 'pywats-archive {line}'"
        found = subprocess.run(["fish", "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert (found.stdout.strip(), found.stderr) == (expected, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_is_printed_and_no_file_is_touched(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key bindings of PowerShell stay as the user has them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = command("completion", shell)
    assert (answer.returncode, answer.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert "_PYWATS_ARCHIVE_COMPLETE" in answer.stdout
    assert "PSReadLine" not in answer.stdout


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self.text = ""

    def __enter__(self) -> Terminal:
        import pty  # noqa: PLC0415 (there is none on Windows)

        self._fd, theirs = pty.openpty()
        os.set_blocking(self._fd, False)
        environment = {**os.environ, "TERM": "dumb", "PS1": "$ "}
        self._shell = subprocess.Popen(
            self._words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._fd)

    def write(self, text: str) -> None:
        """Type."""
        os.write(self._fd, text.encode())

    def shows(self, text: str) -> bool:
        """Wait until the text appears."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.text and time.monotonic() < end:
            try:
                self.text += os.read(self._fd, 4096).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
        return text in self.text
