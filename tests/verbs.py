"""A call for every verb, and a station where each call has something to do; some names and errors are not ASCII."""

from __future__ import annotations

import getpass

from pywats_archive import Client, ErasureChoice
from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import runs
from pywats_archive.config.vault import VaultSettings
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.plant.replaying.replays import PlantReplays
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users
from tests.station import CONVERTER, Station

CODE = """
class Bad(Any):
    def outcome(self, source, context):
        if source.path.name.startswith("b"):
            raise ValueError("no header line: größer → [/]")
        return ConverterResult.success_result(report=report(source.path.stem, misc="{misc}"), warnings=["odd"])
"""
VAULT = ("--vault", "{root}/vault")
STATION, ARCHIVE = ("--config", "{config}"), ("--archive", "{archive}")
INDEX = ("--index", "{root}/index")
CALLS = {
    "init": [
        *("init", "--yes", "--offline", "--config", "{root}/init/config.json", "--server", "http://127.0.0.1:9"),
        *("--token-file", "{root}/token.txt", "--converter", "ICT=SPEAConverter:{root}/init/ICT/watch"),
    ],
    "run": ["run", "--log-file", "{root}/log.txt", "--until-idle", "--processes", "1", *STATION],
    "status": ["status", *ARCHIVE],
    "status NAME": ["status", "SN77", *ARCHIVE],
    "doctor": ["doctor", *STATION],
    "list": ["list", *ARCHIVE],
    "search": ["search", "header", *ARCHIVE],
    "show": ["show", "SN77", *ARCHIVE],
    "show --report": ["show", "SN77", "--report", "1", *ARCHIVE],
    "restore": ["restore", "SN77", "--to", "{root}/restored", *ARCHIVE],
    "export": ["export", "SN77", "--to", "{root}/bag", *ARCHIVE],
    "docs": ["docs"],
    "docs NAME": ["docs", "command"],
    "stats": ["stats", *ARCHIVE],
    "plan": ["plan", "--files-per-day", "100", "--size", "10KB"],
    "policy set": ["policy", "set", "bad", "--retention-days", "30", "--yes", *STATION],
    "policy list": ["policy", "list", *STATION],
    "policy show": ["policy", "show", "*", *STATION],
    "policy reset": ["policy", "reset", "bad", "--yes", *STATION],
    "hold add": ["hold", "add", "SN77", "--reason", "audit", *ARCHIVE],
    "hold list": ["hold", "list", *ARCHIVE],
    "erase --preview": ["erase", "--from", "2020-01-01", *ARCHIVE],
    "approve": ["approve", *ARCHIVE],
    "reprocess start": ["reprocess", "start", "--converter", "bad", "--yes", "--processes", "1", *STATION],
    "reprocess resume": ["reprocess", "resume", "1", "--processes", "1", *STATION],
    "reprocess list": ["reprocess", "list", *STATION],
    "reprocess show": ["reprocess", "show", "1", *STATION],
    "reprocess diff": ["reprocess", "diff", "1", "--volatile", *STATION],
    "reprocess cancel": ["reprocess", "cancel", "2", *STATION],
    "reprocess rollback": ["reprocess", "rollback", "1", "--yes", *STATION],
    "events": ["events", *ARCHIVE],
    "anchor": ["anchor", *STATION],
    "audit": ["audit", *ARCHIVE],
    "vault init": ["vault", "init", "{root}/vault", *STATION],
    "vault push": ["vault", "push", *STATION],
    "vault status": ["vault", "status", *STATION],
    "vault verify": ["vault", "verify", *STATION],
    "vault restore": ["vault", "restore", "--to", "{root}/again", "--vault", "{root}/vault"],
    "plant index": ["plant", "index", "--vault", "{root}/vault", "--to", "{root}/index"],
    "plant search": ["plant", "search", "SN77", *INDEX],
    "plant show": ["plant", "show", "SN77", *INDEX],
    "plant restore": ["plant", "restore", "SN77", "--to", "{root}/restored", *INDEX],
    "plant stats": ["plant", "stats", *INDEX],
    "plant stations": ["plant", "stations", *INDEX],
    "plant replay start": [
        *("plant", "replay", "start", "--converter", "good", "--converter-file", "{root}/turning.py"),
        *("--processes", "1", *VAULT),
    ],
    "plant replay list": ["plant", "replay", "list", *VAULT],
    "plant replay show": ["plant", "replay", "show", "{replay}", *VAULT],
    "plant replay resume": ["plant", "replay", "resume", "{replay}", "--processes", "1", *VAULT],
    "plant replay cancel": ["plant", "replay", "cancel", "{planned}", *VAULT],
    "verify": ["verify", *ARCHIVE],
    "verify --reproduce": ["verify", "--reproduce", "1", *STATION],
    "purge --preview": ["purge", "--preview", "--from", "2020-01-01", *ARCHIVE],
    "purge --confirm-clock": ["purge", "--confirm-clock", "--yes", *ARCHIVE],
    "purge": ["purge", "--from", "2020-01-01", "--yes", *ARCHIVE],
    "hold release": ["hold", "release", "SN77", *ARCHIVE],
    "web users set": ["web", "users", "set", "Ann", "--role", "operator", *STATION],
    "web users token": ["web", "users", "token", "Ann", "nightly", *STATION],
    "web users list": ["web", "users", "list", *STATION],
    "web users revoke": ["web", "users", "revoke", "Ann", "nightly", *STATION],
    "web users remove": ["web", "users", "remove", "Ann", *STATION],
    "import --preview": ["import", "--done", "{root}/old", "--converter", "good", "--preview", *STATION],
    "import": ["import", "--done", "{root}/old", "--converter", "good", *STATION],
    "import BAG": ["import", "{root}/bag", "--archive", "{root}/imported"],
    "rebuild": ["rebuild", "--yes", *ARCHIVE],
    "erase": ["erase", "--serial", "SN77", "--reason", "request", "--yes", *ARCHIVE],
    "demo": ["demo", "--count", "20", "--to", "{root}/demo"],
}
"""A call for each JSON document, in the order in which they must be made."""
WITHOUT_DOCUMENT = {
    "cat": ["cat", "SN77", *ARCHIVE],
    "cat --report": ["cat", "SN77", "--report", "1", *ARCHIVE],
    "completion": ["completion", "bash"],
    "audit --csv": ["audit", "--csv", *ARCHIVE],
    "logs": ["logs", *ARCHIVE],
    "service install": ["service", "install", "--print", "--account", "{user}", *STATION],
    "--help": ["--help"],
    "list --help": ["list", "--help"],
    "--version --verbose": ["--version", "--verbose", *STATION],
}
"""Calls that print bytes or text only; they can be made right after ``run``."""


class VerbStation:
    """A station with a warning, a failure, a companion, a vanished source and open runs; the calls build on each other."""

    def __init__(self, station: Station) -> None:
        self._station = station
        station.code(CODE.replace("{misc}", "before"))
        watch = station.add("good", archive_companions=["{stem}/*.txt"])
        (watch / "SN77.log").write_bytes(b"content")
        (watch / "SN77").mkdir()
        (watch / "SN77" / "curve.txt").write_bytes(b"companion")
        other = station.add("bad", "own.Bad", retention_days=20)
        for name in ("b.log", "SN78.log", "ä☃ [red].log"):
            (other / name).write_bytes(name.encode())
        places = {"config": station.write_config(), "archive": station.archive_root, "root": station.root}
        self._places = {**places, "user": getpass.getuser()}

    def words(self, name: str) -> list[str]:
        """Prepare the station for a call, and return the arguments of the command."""
        self._prepare(name)
        if name.startswith("plant replay") and name != "plant replay start":
            replays = PlantReplays(VaultSettings(vault_url=str(self._station.root / "vault")))
            self._places["replay"] = next(iter(replays.list())).run
            if name == "plant replay cancel":
                self._places["planned"] = replays.plan("good").run
        return [word.format(**self._places) for word in {**CALLS, **WITHOUT_DOCUMENT}[name]]

    def _prepare(self, name: str) -> None:
        root = self._station.archive_root
        if name == "init":
            (self._station.root / "token.txt").write_text("dGVzdDp0ZXN0\n", encoding="ascii")
        if name == "status":
            with Archive.open(root) as archive:
                seen = ledger.Sighting(path=str(root.parent / "gone.log"), size_bytes=1, mtime_ns=1)
                ledger.mark_vanished(archive, ledger.enter(archive, "good", [seen])[0])
        if name == "reprocess start":  # two runs as a crash leaves them, to be resumed and to be cancelled
            self._station.code(CODE.replace("{misc}", "after"))
            with Archive.open(root) as archive:
                changed_first = sorted(self._station.entries(), key=lambda each: each.serial_number != "SN78")
                for entry in changed_first[:2]:
                    runs.begin(archive, ReplayRequest(), [entry.archive_id], actor="test")
        if name in ("export", "docs"):  # one file is missing while an export is made
            blob = root / next(e.source_archived_path for e in self._station.entries() if e.serial_number == "SN77")
            aside = self._station.root / "aside.gz"
            if name == "export":
                blob.rename(aside)
            elif aside.exists():
                aside.rename(blob)
        if name == "web users set":
            Users(self._station.root).add("Ann", "a long enough password", Role.VIEWER)
        if name == "verify":
            with Client(root) as client:
                client.erase(ErasureChoice(serial_number="SN78"), reason="request")
            (root / "sources" / "unknown.gz").write_bytes(b"unknown")
        if name == "import --preview":
            (self._station.root / "old").mkdir()
            (self._station.root / "old" / "ä☃ [red].log").write_bytes(b"from before")
            (self._station.root / "old" / ".half ☃").write_bytes(b"half")
        if name == "vault push":
            self._station.keys["vault_url"] = str(self._station.root / "vault")
            self._station.write_config()
        if name == "plant replay start":
            turning = CONVERTER.replace('"result": "P"', '"result": "F"')
            (self._station.root / "turning.py").write_text(turning, encoding="utf-8")
        if name == "rebuild":
            (root / "sources" / "unknown.gz").unlink()
