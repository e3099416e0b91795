"""``init`` with options alone, as a script calls it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.archive.anchors.signing import KEY_FILE, load_signer
from pywats_archive.config.keys import IDENTITY_FILE, RECIPIENTS_FILE
from pywats_archive.host.settings.state_file import FORMER, STATE_FILE
from pywats_archive.portable.files import WINDOWS

TOKEN = "dGVzdDpzZWNyZXQtb2YtdGhlLXN0YXRpb24="
SPEA = "pywats_client.converters.standard.spea_converter.SPEAConverter"


@pytest.fixture
def words(station: Station) -> list[str]:
    """The options of a whole station that does not exist yet."""
    (station.root / "token.txt").write_text(f"{TOKEN}\n", encoding="utf-8-sig")
    place = [
        "--config",
        str(station.root / "new" / "config.json"),
        "--converters-folder",
        str(station.root / "converters"),
    ]
    return [*place, "--server", station.server.address, "--token-file", str(station.root / "token.txt")]


def written(station: Station) -> dict[str, Any]:
    """Return the configuration that was written."""
    found: dict[str, Any] = json.loads((station.root / "new" / "config.json").read_text(encoding="utf-8"))
    return found


def test_a_station_by_options(station: Station, words: list[str]) -> None:
    """Each converter is described by its code; the document has the checks and the next commands, and not the token."""
    watch = station.root / "logs"
    added = ["--converter", "ICT=speaconverter", "--converter", f"FCT=own.Any:{watch}", "--retention-days", "365"]
    answer = command("init", "--yes", "--json", *words, *added, "--max-size-gb", "50", "--post-action", "ZIP")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["is_new"] is True and document["added"] == ["ICT", "FCT"] and document["former"] is None
    assert {each["topic"]: each["level"] for each in document["checks"]}["server"] == "ok"
    assert document["next_commands"][-1].startswith("pywats-archive service install --config ")
    ict, fct = written(station)["converters"]
    assert ict["module_path"] == SPEA and ict["watch_folder"] == "ICT/watch" and ict["retention_days"] == 365
    assert fct["module_path"] == "own.Any" and fct["watch_folder"] == str(watch) and fct["post_action"] == "zip"
    assert document["created_folders"] == [str(station.root / "new" / "ICT" / "watch"), str(watch)]
    assert TOKEN not in answer.stdout + answer.stderr and written(station)["api_token"] == TOKEN
    again = command("init", "--yes", *words, *added, "--max-size-gb", "50", "--post-action", "zip")
    assert again.returncode == 0 and "Nothing to write" in again.stdout


@pytest.mark.parametrize(
    ("left_out", "option"), [("--server", "--server"), ("--token-file", "--token-file"), ("--converter", "--converter")]
)
def test_what_is_missing_is_named(station: Station, words: list[str], left_out: str, option: str) -> None:
    """Wrong use: one line, nothing written; without --yes and without a terminal too."""
    whole = [*words, "--converter", "ICT=SPEAConverter"]
    at = whole.index(left_out)
    for yes in (["--yes"], []):
        answer = command("init", *yes, *whole[:at], *whole[at + 2 :])
        assert answer.returncode == 2 and f"add {option}" in answer.stderr and answer.stdout == ""
    assert not (station.root / "new").exists()


def test_without_a_terminal_nothing_is_asked(station: Station, words: list[str]) -> None:
    """With every answer there, only --yes is missing."""
    answer = command("init", *words, "--converter", "ICT=SPEAConverter")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "pywats-archive: cannot ask (no terminal); add --yes to write without a question\n"


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        (["--converter", "ICT"], "use NAME=CLASS"),
        (["--converter", "ICT=SPEAConvertor"], "did you mean 'SPEAConverter'?"),
        (["--converter", "A=own.Any", "--converter", "A=SPEAConverter"], "used twice"),
        (["--converter", "A=own.Any", "--post-action", "burn"], "choose from move, delete, zip, keep, archive"),
        (["--converter", "A=own.Any", "--archive-folder", "new/A/watch"], "lie within each other"),
    ],
)
def test_a_wrong_option_is_one_line(station: Station, words: list[str], extra: list[str], error: str) -> None:
    """Exit 2, and nothing is written."""
    if "--archive-folder" in extra:
        extra = [*extra[:-1], str(station.root / "new" / "A" / "watch")]
    answer = command("init", "--yes", "--offline", *words, *extra)
    assert answer.returncode == 2 and error in answer.stderr and answer.stderr.count("\n") == 1
    assert not (station.root / "new").exists()


def test_a_server_that_refuses_or_does_not_answer_is_an_error(station: Station, words: list[str]) -> None:
    """Nothing is written unless --offline allows it."""
    added = ["--converter", "ICT=own.Any"]
    station.server.stop()
    answer = command("init", "--yes", *words, *added)
    assert answer.returncode == 1 and "does not answer" in answer.stderr and "add --offline" in answer.stderr
    assert not (station.root / "new").exists()
    assert command("init", "--yes", "--offline", *words, *added).returncode == 0
    assert written(station)["service_address"] == station.server.address


def test_a_converter_that_cannot_be_loaded_is_an_error(station: Station, words: list[str]) -> None:
    """The reason is named, and nothing is written."""
    answer = command("init", "--yes", "--offline", *words, "--converter", "ICT=own.Missing")
    assert answer.returncode == 1 and "has no class 'Missing'" in answer.stderr
    assert not (station.root / "new").exists()


def test_a_folder_converter_is_configured_as_one(station: Station, words: list[str]) -> None:
    """Its kind is that of its code."""
    from tests.station import FOLDERS  # noqa: PLC0415 (of this test alone)

    station.code(FOLDERS)
    assert command("init", "--yes", "--offline", *words, "--converter", "ICT=own.Folders").returncode == 0
    assert written(station)["converters"][0]["converter_type"] == "folder"


def test_a_second_init_adds_and_loses_nothing(station: Station) -> None:
    """Text, keys and order of the former file stay; a copy of it is kept; server and token are not asked for again."""
    station.add("old", archive_enabled=False, arguments={"password": "hunter2"})
    station.keys.update(odd=[1, 2], station_presets=[])
    before = station.write_config().read_text(encoding="utf-8")
    config = station.root / "config.json"
    answer = command("init", "--yes", "--json", "--config", config, "--converter", "ICT=own.Any")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    after = config.read_text(encoding="utf-8")
    head, tail = before[: before.rindex("]")], before[before.rindex("]") :]
    assert after.startswith(head + ", {") and after.endswith(tail)
    assert document["present"] == ["old"] and document["added"] == ["ICT"]
    assert Path(document["former"]).parent == station.root / FORMER
    assert Path(document["former"]).read_text(encoding="utf-8") == before
    assert "hunter2" not in answer.stdout and "dGVzdDp0ZXN0" not in answer.stdout
    stands = command("init", "--yes", "--config", config)
    assert stands.returncode == 0 and "old: own.Any, not archived; stays as it is" in stands.stdout
    assert config.read_text(encoding="utf-8") == after


@pytest.mark.parametrize(
    "extra",
    [
        ["--server", "http://127.0.0.1:9"],
        ["--converter", "old=SPEAConverter"],
        ["--converter", "old=own.Any:elsewhere"],
    ],
)
def test_what_is_set_is_not_changed(station: Station, extra: list[str]) -> None:
    """Another value for a key or a converter that is there is wrong use."""
    station.add("old")
    config = station.write_config()
    before = config.read_bytes()
    answer = command("init", "--yes", "--offline", "--config", config, *extra)
    assert answer.returncode == 2 and config.read_bytes() == before


def test_a_token_in_the_environment_is_as_good(
    station: Station, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyWATS' own variables count, and what they name is written, since a service has another environment."""
    monkeypatch.setenv("PYWATS_API_TOKEN", TOKEN)
    monkeypatch.setenv("PYWATS_SERVER_URL", station.server.address)
    assert command("init", "--yes", *words[:4], "--converter", "ICT=own.Any").returncode == 0
    assert (written(station)["service_address"], written(station)["api_token"]) == (station.server.address, TOKEN)


def test_an_existing_file_without_a_server_gets_that_of_the_environment(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service has another environment, so what only this one names is written; what the file names stays."""
    station.add("old")
    station.keys.update(service_address="", api_token="")
    config = station.write_config()
    monkeypatch.setenv("PYWATS_API_TOKEN", TOKEN)
    monkeypatch.setenv("PYWATS_SERVER_URL", station.server.address)
    assert command("init", "--yes", "--config", config).returncode == 0
    document = json.loads(config.read_text(encoding="utf-8"))
    assert (document["service_address"], document["api_token"]) == (station.server.address, TOKEN)
    before = config.read_bytes()
    monkeypatch.setenv("PYWATS_API_TOKEN", "b3RoZXI6dG9rZW4=")
    assert command("init", "--yes", "--config", config).returncode == 0 and config.read_bytes() == before


def test_nothing_to_write_is_no_guarantee(station: Station) -> None:
    """No folder is examined then, so no level is claimed."""
    station.add("old")
    answer = command("init", "--yes", "--json", "--config", station.write_config())
    document = json.loads(answer.stdout)
    assert answer.returncode == 0 and document["changes"] == document["checks"] == [] and document["level"] is None


def test_a_converter_that_differs_from_the_options_is_named(station: Station) -> None:
    """One that is not archived too; the file stays as it is."""
    watch = station.add("ict")
    station.add("old", archive_enabled=False)
    before = station.write_config().read_bytes()
    words = ["--yes", "--config", str(station.root / "config.json"), "--converter"]
    answer = command("init", *words, f"ict=own.Any:{watch}", "--post-action", "delete")
    assert answer.returncode == 2 and '\'ict\': post_action is "move", not "delete"' in answer.stderr
    answer = command("init", *words, f"old=own.Any:{station.root / 'old' / 'watch'}")
    assert answer.returncode == 2 and "'old': archive_enabled is false" in answer.stderr
    assert (station.root / "config.json").read_bytes() == before


def test_a_required_archive_is_kept(station: Station, words: list[str]) -> None:
    """The converters of init satisfy the rule of the state file."""
    (station.root / "new").mkdir()
    rule = '{"archive": {"required": true}}'
    (station.root / "new" / STATE_FILE).write_text(rule, encoding="utf-8")
    assert command("init", "--yes", *words, "--converter", "ICT=own.Any").returncode == 0
    assert (station.root / "new" / STATE_FILE).read_text(encoding="utf-8") == rule
    assert station.names("new/ICT") == ["watch"]


def test_from_nothing_to_the_first_sent_report(station: Station, words: list[str]) -> None:
    """The commands that init prints convert a file and send its report, on each system."""
    answer = command("init", "--yes", "--json", *words, "--converter", "ICT=own.Any")
    assert answer.returncode == 0, answer.stderr
    (watch,) = json.loads(answer.stdout)["created_folders"]
    Path(watch, "SN1.log").write_bytes(b"first")
    done = command("run", "--until-idle", "--config", station.root / "new" / "config.json")
    assert done.returncode == 0, done.stderr
    assert len(station.server.received) == 1 and station.names("new/ICT/Done") == ["SN1.log"]


def test_the_signing_key_and_a_folder_for_anchors(station: Station, words: list[str]) -> None:
    """The key is for this account alone, its public part beside it; a second call keeps both (invariant 10)."""
    folder, place = station.root / "share", station.root / "new"
    refused = command("init", "--yes", *words, "--converter", "FCT=own.Any", "--anchor-folder", folder)
    assert refused.returncode == 2 and "mount its disk or share" in refused.stderr and not place.exists()
    folder.mkdir()
    added = [*words, "--converter", "FCT=own.Any", "--anchor-folder", str(folder)]
    answer = command("init", "--yes", "--json", *added)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert written(station)["anchor_folders"] == [str(folder)]
    key, public_key = Path(document["signing_key"]), Path(document["public_key"])
    assert key.parent == public_key.parent == place and (WINDOWS or stat.S_IMODE(key.stat().st_mode) == 0o600)
    assert public_key.read_text(encoding="ascii") == load_signer(place, create=False).public_key_pem
    before = key.read_bytes()
    again = command("init", "--yes", *added)
    assert "Nothing to write" in again.stdout and str(public_key) in again.stdout.replace("\n", "")
    assert key.read_bytes() == before and len(list(place.glob("public-key-*"))) == 1


def test_a_key_that_cannot_be_used_does_not_stop_the_set_up(station: Station, words: list[str]) -> None:
    """The configuration is written; a warning names the key."""
    place = station.root / "new"
    place.mkdir()
    (place / KEY_FILE).write_text("no key", encoding="ascii")
    answer = command("init", "--yes", "--json", *words, "--converter", "FCT=own.Any")
    assert answer.returncode == 0 and f"warning: {place / KEY_FILE}" in answer.stderr
    assert written(station)["converters"] and json.loads(answer.stdout)["signing_key"] is None


def test_encryption_by_an_option(station: Station, words: list[str]) -> None:
    """The recovery key is printed once and is in no file; the station then archives encrypted, and doctor names what is not."""
    folder = station.root / "new"
    first = command("init", "--yes", "--json", "--encrypt", *words, "--converter", "FCT=own.Any")
    assert first.returncode == 0, first.stderr
    recovery = json.loads(first.stdout)["recovery_key"]
    assert recovery.startswith("AGE-SECRET-KEY-1") and written(station)["converters"][0]["encryption"] is True
    assert not [path for path in station.root.rglob("*") if path.is_file() and recovery.encode() in path.read_bytes()]
    assert json.loads(first.stdout)["identity_file"] == str(folder / IDENTITY_FILE)
    assert WINDOWS or stat.S_IMODE((folder / IDENTITY_FILE).stat().st_mode) == 0o600
    again = command("init", "--yes", "--encrypt", *words, "--converter", "FCT=own.Any")
    assert again.returncode == 0 and "AGE-SECRET" not in again.stdout and "there already" in again.stdout, again.stderr
    (folder / "FCT" / "watch" / "a.log").write_bytes(b"content")
    config = ("--config", str(folder / "config.json"))
    assert command("run", "--until-idle", *config).returncode == 0
    assert [path.name[24:] for path in (folder / "archive" / "sources").rglob("*.age")] == [".log.gz.age"]
    assert encryption_of(command("doctor", "--json", "--quick", *config).stdout) == ("ok", "encrypted for 2 keys")
    (folder / IDENTITY_FILE).rename(folder / "lost.txt")
    assert encryption_of(command("doctor", "--json", "--quick", *config).stdout) == ("warning", "key is missing")
    (folder / RECIPIENTS_FILE).unlink()
    assert encryption_of(command("doctor", "--json", "--quick", *config).stdout) == ("failed", "is missing")


def encryption_of(document: str) -> tuple[str, str]:
    """Return the level of doctor's check, and the known words in it."""
    (check,) = [each for each in json.loads(document)["checks"] if each["topic"] == "encryption"]
    known = ("encrypted for 2 keys", "key is missing", "without encryption", "is missing")
    return check["level"], next(each for each in known if each in check["seen"])


def test_an_archive_in_clear_is_not_encrypted_later(station: Station, words: list[str]) -> None:
    """Asked to encrypt an archive that is there in clear, init writes nothing; doctor says that the service does not start."""
    folder = station.root / "new"
    assert command("init", "--yes", *words, "--converter", "FCT=own.Any").returncode == 0
    config = ("--config", str(folder / "config.json"))
    assert command("run", "--until-idle", *config).returncode == 0
    before = written(station)
    refused = command("init", "--yes", "--encrypt", *words, "--converter", "ICT=own.Any")
    assert refused.returncode == 2 and "was created without encryption" in refused.stderr
    assert written(station) == before and not (folder / IDENTITY_FILE).exists()
    before["converters"][0]["encryption"] = True
    (folder / "config.json").write_text(json.dumps(before))
    assert encryption_of(command("doctor", "--json", "--quick", *config).stdout) == ("failed", "without encryption")
