"""A change of a converter's archive keys: the new text from the old one, and the file that is written."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.config.edited import edited
from pywats_archive.errors import ConfigChanged, ConfigError, UnknownConverter, UsageError
from pywats_archive.host.settings.changing import make_change, plan_change, planned
from pywats_archive.host.settings.state_file import FORMER
from pywats_archive.portable import private
from pywats_archive.portable.files import WINDOWS

TOKEN = "c2VjcmV0OnRva2Vu"
ARGUMENTS = r""""arguments": {"retention_days": 1, "x": "}\\\"]"}"""
TEXT = f"""{{
\t"service_address": "",
\t"api_token": "{TOKEN}", "odd": [1, {{"name": "A"}}],
\t"converters": [
\t\t{{ "name" : "B", "module_path": "m.B", "watch_folder": "B/watch" }},
\t\t{{
\t\t\t"name": "A",
\t\t\t"module_path":   "m.A",
\t\t\t"watch_folder": "A/watch",
\t\t\t"retention_days" : 90,
\t\t\t{ARGUMENTS}
\t\t}}
\t]
}}
"""
ANSWERS = {"archive_enabled": "true", "archive_folder": "archive", "retention_days": "30"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration as an editor left it; every account may read it where Windows has no lists of rights (Wine)."""
    if WINDOWS:
        monkeypatch.setattr(private, "others_who_may_read", lambda *arguments, **more: ("Everyone",))
    path = tmp_path / "config.json"
    path.write_bytes(TEXT.encode())
    (tmp_path / "notes.txt").touch()
    return path


def checksum_of(path: Path) -> str:
    """Return the checksum that a form has."""
    return plan_change(path, "A", {}).checksum


def test_only_the_keys_of_the_converter_change(config: Path) -> None:
    """All else stays byte for byte: order, spaces, unknown keys, and equal names elsewhere."""
    found = planned(config.read_bytes(), config, "A", ANSWERS)
    new = f'{ARGUMENTS},\n\t\t\t"archive_enabled": true,\n\t\t\t"archive_folder": "archive"'
    expected = TEXT.replace('"retention_days" : 90', '"retention_days" : 30').replace(ARGUMENTS, new)
    assert found.content.decode() == expected
    assert [(each.key, each.before, each.after, each.is_new) for each in found.plan.changes] == [
        ("archive_enabled", None, True, True),
        ("archive_folder", None, "archive", True),
        ("retention_days", 90, 30, False),
    ]
    assert found.plan.archive == config.parent / "archive" and not found.plan.faults
    assert config.read_bytes() == TEXT.encode()


@pytest.mark.parametrize(
    "form",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: json.dumps(json.loads(text)).encode(),
        lambda text: json.dumps(json.loads(text), separators=(",", ":")).encode(),
        lambda text: text.replace("B/watch", "Prüfplatz/watch").encode(),
    ],
    ids=["mark", "crlf", "one line", "compact", "not ascii"],
)
def test_any_form_of_json_is_kept(config: Path, form: Any) -> None:
    """A byte order mark, Windows' line ends and a single line stay; what is written reads as the change says."""
    before = form(TEXT)
    config.write_bytes(before)
    after = planned(before, config, "A", {**ANSWERS, "archive_folder": "Ärchiv"}).content
    wanted = json.loads(before.decode("utf-8-sig"))
    wanted["converters"][1] |= {"archive_enabled": True, "archive_folder": "Ärchiv", "retention_days": 30}
    assert json.loads(after.decode("utf-8-sig")) == wanted
    assert after.startswith(before[:40]) and after.count(b"\r\n") in (0, before.count(b"\r\n") + 2)
    assert after.isascii() == before.isascii()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(values, st.dictionaries(st.text(), values, max_size=4), st.text(), values, st.sampled_from([None, 1, "\t"]))
def test_any_document_reads_as_changed(other: Any, section: dict[str, Any], key: str, value: Any, indent: Any) -> None:
    """Whatever else a configuration has, the new text is the old document with the key."""
    own = {**section, "name": "A"}
    document = {"first": other, "converters": [other, own, {**section, "name": "B"}], "last": other}
    text = json.dumps(document, indent=indent)
    if key != "name":
        expected = {**document, "converters": [other, {**own, key: value}, {**section, "name": "B"}]}
        assert json.loads(edited(text, "A", {key: value})) == expected


@pytest.mark.parametrize(
    ("answers", "key", "words"),
    [
        ({"retention_days": "ten"}, "retention_days", "must be a whole number"),
        ({"retention_days": "0"}, "retention_days", "must be at least 1"),
        ({"max_archive_size_gb": "-1"}, "max_archive_size_gb", "must be above 0"),
        ({"on_archive_error": "odd"}, "on_archive_error", "must be 'hold' or 'continue'"),
        ({"archive_folder": ""}, "archive_folder", "Name a folder"),
        ({"archive_folder": "a\0b"}, "archive_folder", "NUL"),
        ({"archive_folder": "\udc00"}, "archive_folder", "surrogate"),
        ({"archive_folder": "~/archive"}, "archive_folder", "not expanded"),
        ({"archive_folder": "notes.txt"}, "archive_folder", "is a file"),
        ({"archive_folder": "A/watch/archive", "archive_enabled": True}, "archive_folder", "keep them apart"),
        ({"archive_companions": ["/etc/passwd"]}, "archive_companions", "relative"),
    ],
)
def test_a_wrong_value_is_named(config: Path, answers: dict[str, Any], key: str, words: str) -> None:
    """A value that cannot be used is a fault of its key, without the file's name, and nothing would be written."""
    plan = plan_change(config, "A", answers)
    ((fault, message),) = ((each.key, each.message) for each in plan.faults)
    assert (fault, plan.changes) == (key, ()) and words.lower() in message.lower() and str(config) not in message
    with pytest.raises(ConfigError):
        make_change(config, "A", answers, checksum=plan.checksum)
    assert config.read_bytes() == TEXT.encode()


def test_half_of_a_surrogate_pair_is_refused_in_any_file(config: Path) -> None:
    """One that is not ASCII has no escapes for it; the key is named, and the file stays."""
    config.write_text(TEXT.replace("odd", "ödd"), encoding="utf-8")
    written = config.read_bytes()
    plan = plan_change(config, "A", {"retention_days": 30, "archive_folder": "x\udc00"})
    assert [(each.key, "surrogate" in each.message) for each in plan.faults] == [("archive_folder", True)]
    with pytest.raises(ConfigError):
        make_change(config, "A", {"archive_folder": "x\udc00"}, checksum=plan.checksum)
    assert config.read_bytes() == written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace('"odd":', '// a remark\n"odd":'), "JSON has no comments"),
        (TEXT.replace("[1,", "[1, /* one */"), "JSON has no comments"),
        (TEXT.replace('"B"', '"A"'), "two converters are called 'A'"),
        ("[]", "holds no JSON object"),
        ("", "Expecting value"),
    ],
)
def test_an_invalid_configuration_is_refused(config: Path, text: str, words: str) -> None:
    """What the service could not use is an error that says where, and nothing is written."""
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as refused:
        plan_change(config, "A", ANSWERS)
    assert TOKEN not in str(refused.value)
    with pytest.raises(ConfigError, match=words):
        make_change(config, "A", ANSWERS, checksum="sha256:0")
    assert config.read_text(encoding="utf-8") == text


def test_only_archive_keys_of_known_converters_change(config: Path) -> None:
    """No other key can be set, and a name that no section has is an error."""
    with pytest.raises(UsageError, match="'module_path' is no archive key"):
        plan_change(config, "A", {"module_path": "os.system"})
    with pytest.raises(UnknownConverter):
        plan_change(config, "C", ANSWERS)


def test_a_change_keeps_the_former_file(config: Path) -> None:
    """The former bytes lie beside the file with its rights; the new file has them too, and nothing else is left."""
    config.chmod(0o640)
    saved = make_change(config, "A", ANSWERS, checksum=checksum_of(config))
    assert json.loads(config.read_text(encoding="utf-8"))["converters"][1]["retention_days"] == 30
    assert saved.former and saved.former.read_bytes() == TEXT.encode()
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in (config, saved.former)} == {0o640}
    assert sorted(path.name for path in config.parent.iterdir()) == ["config.json", "notes.txt", FORMER]
    again = make_change(config, "A", ANSWERS, checksum=checksum_of(config))
    assert (again.changes, again.former) == ((), None)


@pytest.mark.posix("needs a right for links that Windows' accounts seldom have")
def test_the_file_behind_a_link_is_changed(config: Path) -> None:
    """The link stays a link, and the former file lies beside the file itself."""
    (config.parent / "elsewhere").mkdir()
    link = config.parent / "elsewhere" / "link.json"
    link.symlink_to(config)
    (config.parent / "elsewhere" / "pywats-archive.json").write_text("{}", encoding="utf-8")
    saved = make_change(link, "A", ANSWERS, checksum=checksum_of(link))
    assert link.is_symlink() and "archive_enabled" in config.read_text(encoding="utf-8")
    assert saved.former and saved.former.parent == config.parent / FORMER


def test_a_read_only_file_stays(config: Path) -> None:
    """A file that somebody protected is not replaced, although its folder would allow that."""
    config.chmod(0o444)
    with pytest.raises(ConfigError, match="is read-only"):
        make_change(config, "A", ANSWERS, checksum=checksum_of(config))
    assert config.read_bytes() == TEXT.encode()


def test_a_file_that_changed_meanwhile_stays(config: Path) -> None:
    """The change that somebody else made is not overwritten."""
    checksum = checksum_of(config)
    config.write_text(TEXT.replace("90", "91"), encoding="utf-8")
    with pytest.raises(ConfigChanged):
        make_change(config, "A", ANSWERS, checksum=checksum)
    assert '"retention_days" : 91' in config.read_text(encoding="utf-8")


def test_of_several_savers_at_once_one_wins(config: Path) -> None:
    """The others are refused, and the file is that of the winner."""
    checksum, won = checksum_of(config), []

    def save(days: int) -> None:
        try:
            make_change(config, "A", {"retention_days": days}, checksum=checksum)
        except ConfigChanged:
            return
        won.append(days)

    threads = [threading.Thread(target=save, args=(days,)) for days in range(100, 108)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert json.loads(config.read_text(encoding="utf-8"))["converters"][1]["retention_days"] == won[0]
    assert len(list((config.parent / FORMER).glob("*config.json"))) == 1


@pytest.mark.posix("forks, and kills with SIGKILL")
def test_a_kill_leaves_a_whole_file_and_no_copy_of_its_secrets_for_long(config: Path) -> None:
    """The file is the former or the new one; what the killed process left beside it goes with the next change."""
    for _ in range(5):
        kill_while_it_changes(config)
        assert plan_change(config, "A", {}).changes == () and TOKEN in config.read_text()
    left = config.with_name(f".{config.name}.0123abcd.part")
    left.write_text(TOKEN)
    make_change(config, "A", {"retention_days": 77}, checksum=checksum_of(config))
    assert not list(config.parent.glob(".*.part")) and '"retention_days" : 77' in config.read_text()


def kill_while_it_changes(config: Path) -> None:
    """Kill a process that changes a configuration again and again, once it has done so."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for number in count(1):
                make_change(config, "A", {"retention_days": number % 70 + 1}, checksum=checksum_of(config))
                os.write(writer, b".")
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as changes:
        assert changes.read(1)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
