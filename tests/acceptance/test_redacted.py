"""Secrets stay out of log, catalog, webhooks and errors of a whole station (invariant 10)."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.acceptance.test_retention import hook
from tests.captured import capture_logs
from tests.command import command
from tests.station import Station, wait_for, wait_for_event

from pywats_archive.config.keys import PASSPHRASE_VARIABLE
from pywats_archive.config.server import ServerConfig, WebhookConfig
from pywats_archive.demo import faults
from pywats_archive.demo.server import WatsServer
from pywats_archive.host.server.webhook import Webhook
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.redaction import redacted

LOGIN = "station:open-sesame/1"
TOKEN = base64.b64encode(LOGIN.encode()).decode()
ARGUMENT = "hunter2 & secret"
SHOWN = (TOKEN, LOGIN, "open-sesame", quote(TOKEN, safe=""), quote(LOGIN, safe=""), TOKEN[4:-4], ARGUMENT, "hunter2")

TALKS = """
class Talks(Any):
    def outcome(self, source, context):
        self.secret = context.arguments["password"]
        return super().outcome(source, context)
    def on_success(self, source, result, context):
        from urllib.parse import quote
        raise ValueError(f"login of {context.arguments['password']!r} at http://h/?p={quote(context.arguments['password'])}")

class Signs(Any):
    def outcome(self, source, context):
        import os
        raise ValueError(f"the passphrase is {os.environ.get('PYWATS_ARCHIVE_KEY_PASSPHRASE')}")

class Complete(FolderConverter):
    name = property(lambda self: "Complete")
    arguments_schema = property(lambda self: {"password": ArgumentDefinition(arg_type=ArgumentType.PASSWORD)})
    def is_folder_ready(self, folder, context):
        raise ValueError(f"the share denied {context.arguments['password']}")
    def convert(self, source, context):
        body = report(source.folder_path.name)
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
"""


def run(station: Station) -> subprocess.CompletedProcess[str]:
    return command("run", "--until-idle", "--processes", "1", "--config", station.write_config())


def require_clean(station: Station, *done: subprocess.CompletedProcess[str]) -> None:
    """Find no secret in what was printed, nor in any file of the archive; reports and sources hold none."""
    told = {f"{each.args[3]}": each.stdout + each.stderr for each in done}
    kept = {path.name: path.read_bytes().decode("utf-8", "replace") for path in station.archive_root.rglob("*.db*")}
    for where, text in {**told, **kept}.items():
        found = [secret for secret in SHOWN if secret in text]
        assert not found, (where, found)


@pytest.mark.parametrize("margin", ["\n", "\r\n", " ", "\ufeff", "\n\n\t"])
def test_a_margin_around_token_and_address_is_none_of_theirs(tmp_path: Path, margin: str) -> None:
    """A newline that an editor left at the end of the token does no harm: the report is sent, and nothing is logged."""
    with Station(tmp_path) as station, WatsServer(token=TOKEN) as server:
        station.keys = {"api_token": TOKEN + margin, "service_address": f"{margin}{server.address}{margin}"}
        (station.add("ict") / "SN1.log").write_text("x")
        done = run(station)
        assert done.returncode == 0, done.stderr
        assert len(server.received) == 1
        require_clean(station, done)


def test_a_token_that_cannot_be_one_is_tried_once(tmp_path: Path) -> None:
    """With a newline within it no connection is tried: the report waits for a person, and no part of the token is logged."""
    with Station(tmp_path) as station:
        station.keys = {"api_token": f"{TOKEN[:9]}\n{TOKEN[9:]}"}
        (station.add("ict") / "SN1.log").write_text("x")
        done = run(station)
        assert done.returncode == 1 and "api_token has characters that a token cannot have" in done.stdout
        shown = command("show", station.entry().archive_id, "--config", station.root / "config.json")
        require_clean(station, done, shown, command("status", "--config", station.root / "config.json"))
        assert station.server.requests == 0


@pytest.mark.parametrize(
    "words",
    [
        f"denied Basic {TOKEN}",
        f"bad header b'Basic {TOKEN}'",
        f"see https://h/login?t={quote(TOKEN, safe='')}",
        f"user {LOGIN} is locked",
        "x" * 385 + f" {TOKEN}",
        f"go to //{quote(LOGIN, safe=':')}@h/",
    ],
)
def test_a_server_that_tells_the_credentials_back(tmp_path: Path, words: str) -> None:
    """What the server says goes to log, catalog and screen without the token in any spelling, wherever it is cut."""
    with Station(tmp_path) as station:
        station.keys = {"api_token": TOKEN}
        station.server.fault = faults.always(faults.answer(400, words))
        (station.add("ict") / "SN1.log").write_text("x")
        done = run(station)
        assert done.returncode == 1 and station.names("ict/Error") == ["SN1.log"]
        shown = command("show", station.entry().archive_id, "--config", station.root / "config.json")
        listed = command("list", "--submission", "refused", "--json", "--config", station.root / "config.json")
        require_clean(station, done, shown, listed)


def test_hooks_and_readiness_tell_no_argument(tmp_path: Path) -> None:
    """What a converter's hooks and its readiness raise is logged without the PASSWORD arguments in it."""
    with Station(tmp_path) as station:
        station.code(TALKS)
        (station.add("ict", "own.Talks", arguments={"password": ARGUMENT}) / "SN1.log").write_text("x")
        watch = station.add("folders", "own.Complete", converter_type="folder", arguments={"password": ARGUMENT})
        (watch / "one").mkdir()
        (watch / "one" / "a.txt").write_text("x")
        done = run(station)
        assert done.returncode == 0, done.stderr
        told = [json.loads(line) for line in done.stderr.splitlines()]
        reasons = {line["event"]: line["reason"] for line in told if "reason" in line}
        assert "[PASSWORD password]" in reasons["converter.hook_failed"]
        assert "[PASSWORD password]" in reasons["folder.readiness_unknown"]
        require_clean(station, done)


def test_an_error_of_the_configuration_tells_no_secret(tmp_path: Path) -> None:
    """Wrong arguments, and a wrong value beside a token, are one line that shows neither."""
    with Station(tmp_path) as station:
        station.add("ict", arguments=[{"password": ARGUMENT}, TOKEN])
        done = run(station)
        assert done.returncode == 2 and "arguments" in done.stderr
        station.sections[0] |= {"arguments": {}, "archive_companions": [f"{{{TOKEN}}}/*"], "name": LOGIN}
        station.keys = {"api_token": TOKEN}
        again = run(station)
        assert again.returncode == 2 and "companion" in again.stderr
        require_clean(station, done, again)


def test_a_webhook_is_told_no_secret_and_its_own_stays_out_of_the_log() -> None:
    """What is posted holds no token, and what is logged of a failing webhook neither its path, query nor header."""
    ServerConfig(api_token=TOKEN).register_secrets()
    with hook() as (address, posted):
        config = WebhookConfig(webhook_service_url=f"{address}/services/T00/abcdefgh\n", webhook_auth_header=" X-Key ")
        webhook = Webhook(config, waits_s=(0.0,))
        webhook.post({"alert": "server.away", "reason": f"denied Basic {TOKEN}"}, of_converter=False)
        wait_for(lambda: posted)
        webhook.close()
    assert posted[0]["reason"] == "denied Basic [api_token]" and posted[0]["_path"] == "/services/T00/abcdefgh"
    with capture_logs() as lines:
        webhook = Webhook(config, waits_s=(0.0,))
        webhook.post({"alert": "server.away"}, of_converter=False)
        wait_for_event(lines, "webhook.failed")
        webhook.close()
    assert "abcdefgh" not in json.dumps(lines)


def test_no_converter_gets_the_passphrase_of_the_signing_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service needs it, a converter does not; where it is in a text all the same, it is removed."""
    passphrase = "correct horse battery staple"
    monkeypatch.setenv(PASSPHRASE_VARIABLE, passphrase)
    with Station(tmp_path) as station:
        station.code(TALKS)
        (station.add("ict", "own.Signs") / "SN1.log").write_text("x")
        done = run(station)
        read_station_config(station.write_config())
        assert "the passphrase is None" in done.stderr and passphrase not in done.stdout + done.stderr
        assert redacted(f"it is {passphrase}") == "it is [key_passphrase]"
