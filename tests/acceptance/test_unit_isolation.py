"""The service under the isolation of its own unit: what systemd would do with namespaces is done without it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.archive.core import Archive
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.system_service.station import order
from pywats_archive.system_service.unit import unit_text

INSIDE = Path("/srv/station")
SLOW = f"""
class Confined(Any):
    def outcome(self, source, context):
        for outside in ("/srv/outside", "/var/outside", "/etc/outside", "{INSIDE.parent}/outside"):
            try:
                open(outside, "w")
            except OSError:
                continue
            raise RuntimeError(f"{{outside}} could be written")
        open("/tmp/scratch", "w").close()
        open(f"{INSIDE}/begun-{{source.path.stem}}", "w").close()
        while not os.path.exists("{INSIDE}/quick"):
            time.sleep(0.05)
        return super().outcome(source, context)
"""
"""A converter that fails where it may write outside the station's folders."""


def can_isolate() -> bool:
    """Whether this computer lets us make user and mount namespaces."""
    if sys.platform != "linux":
        return False
    tried = subprocess.run(
        ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/srv"], capture_output=True, check=False
    )
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not can_isolate(), reason="user and mount namespaces are not allowed here")


class IsolatedStation:
    """A station whose folders lie in /srv for its service, and in a temporary folder for the test."""

    def __init__(self, station: Station, root: Path) -> None:
        self.station = station
        self.places = {name: root / name for name in ("station", "line", "archive")}
        for place in self.places.values():
            place.mkdir(exist_ok=True)
        self.watch, self.done = root / "line" / "watch", root / "line" / "Done"
        self.watch.mkdir()
        station.code(SLOW)
        folders = {"watch_folder": "/srv/line/watch", "archive_folder": "/srv/archive"}
        station.add("confined", "own.Confined", **folders)
        self.unit = self.unit_lines(station.write_config())

    def unit_lines(self, config: Path) -> dict[str, str]:
        """Return what the command would write for the configuration at its place inside."""
        read = read_station_config(config)
        inside = read.model_copy(update={"path": INSIDE / config.name, "converters_folder": INSIDE / "converters"})
        wanted = order(inside, name="pywats-archive", account="daemon")
        text = unit_text(wanted.needs, account="daemon", command=wanted.command)
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start the unit's command as the unit isolates it."""
        command = shlex.split(self.unit["ExecStart"])
        script = "\n".join([*self.mounts(), shlex.join([*_WITHOUT_CAPABILITIES, *command, *options])])
        return subprocess.Popen(
            ["unshare", "-Urm", "sh", "-ec", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def mounts(self) -> list[str]:
        """Return the mounts of the unit, as commands: systemd.exec(5) says what its lines mean."""
        lines = ["mount -t tmpfs tmpfs /srv"]
        for name, place in self.places.items():
            lines += [f"mkdir /srv/{name}", f"mount --bind {shlex.quote(str(place))} /srv/{name}"]
        # Without the disks that other tests have mounted below it, nobody in a user namespace may bind /tmp.
        writable = [path.removeprefix("-") for path in shlex.split(self.unit["ReadWritePaths"])]
        lines += [f"if [ -e {path} ]; then mount --rbind {path} {path}; fi" for path in map(shlex.quote, writable)]
        assert self.unit["ProtectSystem"] == "strict"
        lines.append(_READ_ONLY.format(writable="|".join(map(shlex.quote, writable))))
        if self.unit["PrivateTmp"] == "yes":
            lines += ["mount -t tmpfs tmpfs /tmp", "mount -t tmpfs tmpfs /var/tmp"]
        if self.unit["ProtectHome"] == "yes":
            lines += ["mount -t tmpfs -o ro tmpfs /home", "mount -t tmpfs -o ro tmpfs /root"]
        return lines

    def begun(self) -> Sequence[Path]:
        return list(self.places["station"].glob("begun-*"))


_WITHOUT_CAPABILITIES = ("exec", "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
_READ_ONLY = """
while read -r _ _ _ _ point flags _; do
  case "$point" in {writable}|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) continue;; esac
  mount -o "remount,bind,ro,${{flags#rw,}}" "$point" || [ ! -e "$point" ] || ! grep -qF " $point " /proc/self/mountinfo
done < /proc/self/mountinfo
"""
"""Everything else becomes read-only; other flags stay, since a user namespace may not take them away.

What another test has mounted may be gone by now.
"""


@pytest.mark.spawned
def test_a_station_works_within_its_unit(tmp_path: Path) -> None:
    """It archives, converts, stops in the middle of ten conversions, goes on, and writes nothing elsewhere (invariant 15)."""
    with Station(tmp_path / "station") as station:
        isolated = IsolatedStation(station, tmp_path)
        names = [f"{number}.log" for number in range(10)]
        for name in names:
            (isolated.watch / name).write_text(name)
        inodes = {(isolated.watch / name).stat().st_ino for name in names}
        service = isolated.start("--processes", "2")
        wait_for(lambda: isolated.begun() or service.poll() is not None)
        service.terminate()  # the main process alone, as KillMode=mixed does
        assert service.stderr
        log = []
        for line in service.stderr:
            log.append(line)
            if "service.stopping" in line:
                (isolated.places["station"] / "quick").touch()
        assert service.wait(PATIENCE_S) == 0, "".join(log)
        again = isolated.start("--until-idle", "--json")
        answer, errors = again.communicate()
        assert again.returncode == 0, errors
        assert json.loads(answer)["waiting"] == [], errors
        assert sorted(path.name for path in isolated.done.glob("*.log")) == names
        assert {path.stat().st_ino for path in isolated.done.glob("*.log")} == inodes, "they were copied, not renamed"
        assert sorted(len(bodies) for bodies in station.server.received.values()) == [1] * 10
        with Archive.open(isolated.places["archive"]) as archive:
            entries = archive.find(EntryFilter(), limit=100).items
        assert {entry.conversion_status for entry in entries} == {ConversionStatus.SUCCESS} and len(entries) == 10
