"""A bucket as a vault, from the command: created by an administrator, filled by a station that may do no more than it must."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.command import command
from tests.s3_request import remove
from tests.seaweed import replacing_server, running, secret
from tests.station import Station

from pywats_archive import Client
from pywats_archive.vault.opening import open_vault

pytestmark = pytest.mark.long


def test_a_station_with_the_least_rights_ships_and_is_restored(station: Station, tmp_path: Path) -> None:
    """The policy that ``vault init`` prints is enough to push, and a reader restores the archive from the bucket."""
    watch = station.add("good")
    for number in range(3):
        (watch / f"SN{number}.log").write_bytes(b"content %d" % number)
    station.run()
    uuid = json.loads((station.archive_root / "archive.json").read_text(encoding="utf-8"))["archive_uuid"]
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server", archive_uuid=uuid) as server:
        admin, least, reader = (server.settings(tmp_path, "least", user=user) for user in ("admin", "least", "station"))
        keys = ("vault_url", "vault_endpoint", "vault_credentials")
        station.keys |= {key: getattr(admin, key) for key in keys}
        made = json.loads(command("vault", "init", "--config", station.write_config(), "--json").stdout)
        assert (made["url"], made["is_new"]) == ("s3://archives/least", True)
        assert made["rights"][0]["archive_uuid"] == uuid and "s3:PutObject" in made["rights"][0]["document"]
        station.keys |= {key: getattr(least, key) for key in keys}
        pushed = command("vault", "push", "--config", station.write_config())
        assert (pushed.returncode, pushed.stderr) == (0, ""), pushed.stdout
        assert command("vault", "push", "--config", station.write_config()).returncode == 0
        station.keys |= {key: getattr(reader, key) for key in keys}
        with Client.from_config(station.write_config()) as client:
            assert client.vault.restore(tmp_path / "restored").entries == 3
            before = [each.archive_id for each in client.entries()]
        url = station.keys.pop("vault_url")
        words = ("vault", "restore", "--to", str(tmp_path / "named"), "--vault", url)
        named = command(*words, "--config", station.write_config())
        assert (named.returncode, named.stderr) == (0, "") and "3 entries" in named.stdout
        with Client([tmp_path / "restored"]) as restored:
            assert [each.archive_id for each in restored.entries()] == before
            assert [each for each in restored.verify() if each.problem] == []
        assert secret("least") not in pushed.stdout


def test_a_wrong_key_is_one_line_with_the_code_of_the_server(station: Station, tmp_path: Path) -> None:
    """It says what to do, and shows no secret (invariant 10)."""
    station.add("good")
    station.run()
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server") as server:
        wrong = server.settings(tmp_path, "least", user="stranger")
        station.keys |= {key: getattr(wrong, key) for key in ("vault_url", "vault_endpoint", "vault_credentials")}
        ended = command("vault", "init", "--config", station.write_config())
        assert (ended.returncode, ended.stdout) == (1, "")
        (line,) = ended.stderr.splitlines()
        assert (
            "with 403 Forbidden, InvalidAccessKeyId; check the credentials" in line and secret("stranger") not in line
        )


def test_nothing_is_shipped_to_a_server_that_replaces_objects(station: Station, tmp_path: Path) -> None:
    """``doctor`` and ``vault push`` try it first, and say what is wrong."""
    station.add("good")
    station.run()
    with replacing_server(tmp_path) as liar:
        station.keys |= {key: getattr(liar, key) for key in ("vault_url", "vault_endpoint", "vault_credentials")}
        config = station.write_config()
        assert command("vault", "init", "--config", config).returncode == 0
        found = json.loads(command("doctor", "--config", config, "--json").stdout)["checks"]
        assert [(each["level"], each["seen"][:16]) for each in found if each["topic"] == "vault"] == [
            ("failed", "replaces objects")
        ]
        pushed = command("vault", "push", "--config", config)
        assert pushed.returncode == 1 and "replaces objects" in pushed.stdout + pushed.stderr
        assert list((tmp_path / "objects").rglob("*.zip")) == []


def test_an_emptied_bucket_is_not_repaired(station: Station, tmp_path: Path) -> None:
    """It is no vault any more, maybe a mistake of an administrator; once it is one again, all comes back."""
    (station.add("good") / "SN0.log").write_bytes(b"content")
    station.run()
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server") as server:
        admin = server.settings(tmp_path, "least", user="admin")
        station.keys |= {key: getattr(admin, key) for key in ("vault_url", "vault_endpoint", "vault_credentials")}
        config, vault = station.write_config(), open_vault(admin)
        assert command("vault", "init", "--config", config).returncode == 0
        assert command("vault", "push", "--config", config).returncode == 0
        for each in list(vault.keys("")):
            remove(server, f"/archives/least/{each.key}")
        for option in ("--sample=100%", "--repair"):
            refused = command("vault", "verify", option, "--config", config)
            assert refused.returncode == 1 and "is not a vault" in refused.stderr, refused.stderr
        assert list(vault.keys("")) == []
        with Client.from_config(config) as client:
            assert "vault.damaged" not in {each.kind for each in client.events().events}
        assert command("vault", "init", "--config", config).returncode == 0
        repaired = command("vault", "verify", "--repair", "--config", config)
        assert repaired.returncode == 0 and "/repair/" in repaired.stderr
