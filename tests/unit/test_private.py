"""Who may read a file: by mode, and by the access control list of Windows, whose programs are played."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pywats_archive.doctor.exposed import exposed
from pywats_archive.host.settings import key
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.portable import private
from pywats_archive.portable.windows import rights

OWN = "S-1-5-21-1-2-3-1001"
posix = pytest.mark.skipif(os.name == "nt", reason="modes are POSIX'")


class Programs:
    """``whoami`` and ``icacls`` of a Windows where files have this access control list."""

    def __init__(self, entries: str = "", *, own: str = OWN) -> None:
        self.entries, self.own = entries, own
        self.calls: list[list[str]] = []

    def run(self, arguments: list[str]) -> str:
        self.calls.append(arguments)
        if arguments[0].endswith("whoami.exe"):
            return f'"pc\\tester","{self.own}"\r\n'
        if "/save" in arguments:
            name = Path(arguments[1]).name
            Path(arguments[3]).write_bytes(f"{name}\r\nD:{self.entries}\r\n".encode("utf-16-le"))
        return ""


@pytest.mark.parametrize(
    ("entries", "others"),
    [
        (f"PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{OWN})", ()),
        ("PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)", ()),
        ("AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)", ("the group Users",)),
        ("AI(A;ID;FR;;;WD)(A;ID;FA;;;AU)", ("everyone", "all signed-in accounts")),
        ("AI(A;OICIIO;GA;;;WD)(A;ID;FA;;;SY)", ()),
        ("AI(D;;FA;;;WD)(A;;0x100002;;;BU)", ()),
        ("AI(A;;CCDC;;;S-1-5-21-9-9-9-1005)", ("S-1-5-21-9-9-9-1005",)),
        ("PAI(XA;;FR;;;BU;(Member_of {SID(BA)}))", ("the group Users",)),
        ("NO_ACCESS_CONTROL", ("everyone",)),
    ],
)
def test_other_readers_are_named_by_the_list(tmp_path: Path, entries: str, others: tuple[str, ...]) -> None:
    """Entries that allow others to read count; SYSTEM, administrators, the owner and this account are not others."""
    programs = Programs(entries)
    assert private.others_who_may_read(tmp_path / "config.json", windows=True, run=programs.run) == others


@pytest.mark.parametrize(
    ("entries", "others"),
    [
        ("AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)", ()),
        ("AI(A;OICIID;FA;;;BA)(A;OICIID;0x1301bf;;;AU)", ("all signed-in accounts",)),
        ("AI(A;ID;FA;;;SY)(A;CIID;DCLCRPCR;;;BU)", ("the group Users",)),
        ("AI(A;;FA;;;S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464)(A;OICIIO;GA;;;CO)", ()),
        ("NO_ACCESS_CONTROL", ("everyone",)),
    ],
)
def test_other_writers_are_named_by_the_list(tmp_path: Path, entries: str, others: tuple[str, ...]) -> None:
    """As below C:\\Program Files, below C:\\ and below C:\\ProgramData; the installer of Windows is not one of the others."""
    assert private.others_who_may_write(tmp_path, windows=True, run=Programs(entries).run) == others


@pytest.mark.parametrize(("own", "account"), [("S-1-5-19", "LS"), ("S-1-5-20", "NS"), ("S-1-5-21-7-500", "LA")])
def test_an_account_with_a_short_name_is_itself(tmp_path: Path, own: str, account: str) -> None:
    """Windows writes well-known accounts by two letters."""
    programs = Programs(f"PAI(A;;FA;;;{account})", own=own)
    assert private.others_who_may_read(tmp_path, windows=True, run=programs.run) == ()
    assert private.others_who_may_read(tmp_path, windows=True, run=Programs(programs.entries).run) == (account,)


@pytest.mark.parametrize(("kind", "inherited"), [("file", ""), ("folder", "(OI)(CI)")])
def test_a_private_file_is_for_this_account_and_the_administrators(tmp_path: Path, kind: str, inherited: str) -> None:
    """Windows' own programs are started by their whole path, without a shell; accounts are named by their numbers."""
    path, programs = tmp_path / "a & b", Programs()
    path.mkdir() if kind == "folder" else path.touch()
    private.keep_private(path, windows=True, run=programs.run)
    system = os.environ.get("SYSTEMROOT", r"C:\Windows") + "\\System32\\"
    granted = [f"*{number}:{inherited}F" for number in ("S-1-5-18", "S-1-5-32-544", OWN)]
    assert programs.calls == [
        [f"{system}whoami.exe", "/user", "/fo", "csv", "/nh"],
        [f"{system}icacls.exe", str(path), "/inheritance:r", "/grant:r", *granted],
    ]


def test_no_account_is_no_answer(tmp_path: Path) -> None:
    """Where Windows does not say which account this is, nothing is changed."""
    programs = Programs(own="")
    with pytest.raises(OSError, match="which account"):
        private.keep_private(tmp_path, windows=True, run=programs.run)
    assert len(programs.calls) == 1


@posix
def test_the_mode_says_who_may_read(tmp_path: Path) -> None:
    """A file that everyone may read counts only if everyone reaches the file."""
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "a").touch(mode=0o644)
    outside = [each for each in tmp_path.parents if each.stat().st_mode & 0o001 == 0]
    assert outside and private.others_who_may_read(folder / "a", windows=False) == ()
    assert private.others_who_may_read(Path("/etc/passwd"), windows=False) == ("everyone",)


@posix
@pytest.mark.parametrize(
    ("folder_mode", "mode", "is_named"),
    [(0o711, 0o640, True), (0o710, 0o640, True), (0o700, 0o640, False), (0o711, 0o600, False)],
)
def test_a_group_that_may_read_is_named(folder_mode: int, mode: int, is_named: bool) -> None:
    """A tester may be in the group of the service's account, to write to its watch folder."""
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), Path(name) / "config.json"
        file.touch()
        folder.chmod(folder_mode)
        file.chmod(mode)
        assert private.group_who_may_read(file, windows=False) == (file.group() if is_named else None)
        assert private.group_who_may_read(file, windows=True) is None


@posix
def test_linux_starts_no_program(tmp_path: Path) -> None:
    """Modes do what is needed."""
    programs = Programs()
    private.keep_private(tmp_path, windows=False, run=programs.run)
    assert programs.calls == []


def test_a_key_is_private_before_it_has_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a key between its writing and the change of its rights; a failure does not stop the service."""
    seen: list[tuple[str, bytes]] = []

    def keep(path: Path) -> None:
        seen.append((path.suffix, path.read_bytes()))
        raise OSError("refused")

    monkeypatch.setattr(private, "keep_private", keep)
    made = key.load_key(tmp_path)
    assert seen == [(".part", b"")] and made == key.load_key(tmp_path)


def asked(answers: dict[str, tuple[str, ...]]) -> Callable[[Path], tuple[str, ...]]:
    """Make an answer to who may read a file, by its name."""
    return lambda path: answers[path.name]


def test_secrets_that_others_may_read_are_named(tmp_path: Path) -> None:
    """The key, and a configuration with a token; a configuration without one is nobody's secret."""
    config = tmp_path / "config.json"
    config.write_text('{"api_token": "dGVzdDp0ZXN0"}', encoding="utf-8")
    key.load_key(tmp_path)
    open_to = {"config.json": ("everyone",), key.KEY_FILE: ("the group Users", "everyone")}
    lines = exposed(read_station_config(config), readers=asked(open_to))
    assert [
        "everyone may read the configuration" in lines[0],
        "Users and everyone may read the station's key" in lines[1],
    ]
    assert exposed(read_station_config(config), readers=asked(dict.fromkeys(open_to, ()))) == ()
    config.write_text("{}", encoding="utf-8")
    assert len(exposed(read_station_config(config), readers=asked(open_to))) == 1


def test_rights_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """No answer is no proof that the file is private."""

    def fails(path: Path) -> tuple[str, ...]:
        raise OSError("no answer")

    key.load_key(tmp_path)
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    (line,) = exposed(read_station_config(config), readers=fails)
    assert "no answer" in line


def test_a_program_that_fails_is_an_error() -> None:
    """Its message becomes the error's."""
    with pytest.raises(OSError, match="failed with"):
        rights.run([sys.executable, "-c", "import sys; sys.exit('no rights')"])
