"""One example for the help of each verb, and when the verb exits with 1."""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """How a verb is called, without the name of the program, and the meaning of its exit code 1."""

    words: str
    exit_1: str = "an archive cannot be used"


_ON_RECORD = "the archive cannot be written to"
_INDEX = "the index cannot be read"
_DIFFERS = "an entry failed or was skipped"
EXAMPLES = {
    "demo": Example("demo --to /tmp/demo", "the check of the demo found a problem"),
    "init": Example("init --config config.json", "a trial failed or you said no; nothing was written"),
    "run": Example("run --until-idle --config config.json", "the service failed, or sources need a person"),
    "status": Example("status SN900500", "an open alert, a vanished source, or nothing found"),
    "logs": Example("logs -f", "this command cannot find or read the log"),
    "web": Example("web --config config.json", "the pages cannot be served"),
    "web users": Example("web users list --config config.json", "the users cannot be read"),
    "web users add": Example("web users add ann --role admin --config config.json", "the user cannot be written"),
    "web users list": Example("web users list --config config.json", "the users cannot be read"),
    "web users set": Example("web users set ann --role operator", "the user cannot be written"),
    "web users remove": Example("web users remove ann", "the user cannot be written"),
    "web users token": Example("web users token ann nightly-check --days 30", "the token cannot be written"),
    "web users revoke": Example("web users revoke ann nightly-check", "the user cannot be written"),
    "doctor": Example("doctor --config config.json", "a folder is not full, or a check found something"),
    "service": Example("service install --config config.json", "the service manager refused"),
    "service install": Example("service install --config config.json --account wats", "the service manager refused"),
    "service start": Example("service start", "the service manager refused"),
    "service stop": Example("service stop", "the service manager refused"),
    "service status": Example("service status", "not running, or pyWATS' own service is there"),
    "service remove": Example("service remove", "the service manager refused"),
    "import": Example(
        "import --done Done --converter ICT --preview", "something could not be imported, or the archive cannot be used"
    ),
    "list": Example("list --result failed --since 2d --converter ICT"),
    "search": Example("search limits --status failed"),
    "show": Example("show SN900500 --report 1"),
    "cat": Example("cat SN900500 --report 1", "the archive or the source is damaged"),
    "restore": Example("restore SN900500 --to restored", "a source could not be restored"),
    "export": Example("export --converter ICT --since 30d --to audit.zip", "a file could not be read"),
    "plant": Example("plant search --serial SN9005* --index /srv/index", _INDEX),
    "plant index": Example(
        "plant index --vault /mnt/nas/archives --to /srv/index", "a segment is missing or damaged, or the vault is away"
    ),
    "plant search": Example("plant search timeout --status failed --index /srv/index", _INDEX),
    "plant show": Example("plant show SN900500 --index /srv/index", _INDEX),
    "plant restore": Example(
        "plant restore SN900500 --to restored --index /srv/index", "a source could not be restored"
    ),
    "plant stats": Example("plant stats --by part --since 2w --index /srv/index", _INDEX),
    "plant stations": Example("plant stations --index /srv/index", "a station is silent, or its segments are damaged"),
    "plant replay": Example("plant replay list --vault s3://archives/plant", "the vault cannot be used"),
    "plant replay start": Example("plant replay start --converter ICT --converter-file fixed.py", _DIFFERS),
    "plant replay resume": Example("plant replay resume 20260131-080000-a3f2d9", _DIFFERS),
    "plant replay show": Example("plant replay show 20260131-080000-a3f2d9", _DIFFERS),
    "plant replay worker": Example("plant replay worker --scheduler tcp://127.0.0.1:8786", "the vault cannot be used"),
    "plant replay list": Example("plant replay list --vault /mnt/nas/archives", "the vault cannot be used"),
    "plant replay cancel": Example("plant replay cancel 20260131-080000-a3f2d9", "the vault cannot be used"),
    "docs": Example("docs station"),
    "completion": Example("completion bash", "the script cannot be created"),
    "stats": Example("stats --converter ICT"),
    "plan": Example("plan --files-per-day 2000 --size 40KB --days 365"),
    "policy": Example("policy list"),
    "policy list": Example("policy list"),
    "policy show": Example("policy show ICT"),
    "policy set": Example("policy set ICT --retention-days 365 --max-size-gb 50", _ON_RECORD),
    "policy reset": Example("policy reset ICT", _ON_RECORD),
    "purge": Example("purge --preview", "a file could not be removed, or a size limit could not be met"),
    "erase": Example(
        "erase --serial SN900500 --reason 'request of 13 February'",
        "an entry stays, or a file could not be removed",
    ),
    "hold": Example("hold list"),
    "hold add": Example("hold add SN900500 --reason 'customer complaint'", _ON_RECORD),
    "hold release": Example("hold release SN900500", _ON_RECORD),
    "hold list": Example("hold list"),
    "vault": Example("vault init s3://archives/plant --config config.json", "the vault cannot be used"),
    "vault status": Example("vault status"),
    "vault push": Example("vault push", "a file was missing or damaged here, or the vault does not confirm all"),
    "vault verify": Example(
        "vault verify --sample 5%", "something in the vault, or in the history here, is not as it was"
    ),
    "vault restore": Example(
        "vault restore --to /srv/archive --vault /mnt/nas/archives",
        "something in the vault is damaged or cannot be used",
    ),
    "vault init": Example("vault init /mnt/nas/archives", "the vault cannot be used"),
    "approve": Example("approve 1234", _ON_RECORD),
    "reprocess": Example("reprocess start --converter ICT --status failed --dry-run"),
    "reprocess start": Example("reprocess start --converter ICT --status failed --dry-run", _DIFFERS),
    "reprocess resume": Example("reprocess resume 7", _DIFFERS),
    "reprocess list": Example("reprocess list"),
    "reprocess show": Example("reprocess show 7", _DIFFERS),
    "reprocess diff": Example("reprocess diff 7 --csv changes.csv"),
    "reprocess cancel": Example("reprocess cancel 7", _ON_RECORD),
    "reprocess rollback": Example("reprocess rollback 7", "an entry could not be rolled back"),
    "events": Example("events --kind alert --since 2d"),
    "anchor": Example("anchor --config config.json", "an anchor could not be written somewhere"),
    "audit": Example("audit --category access --since 30d --csv"),
    "verify": Example("verify --sample 5%", "a problem was found"),
    "qualify": Example("qualify --config config.json --to protocols", "a check failed"),
    "rebuild": Example("rebuild --archive /srv/station/archive", "a problem was found"),
}
