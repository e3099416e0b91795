"""Copies an archive into a vault, or restores it, in a process of its own; prints what that took, and what a plain ZIP takes.

``python -m bench.vault_process ship|restore ARCHIVE VAULT TARGET``; VAULT has the keys of the vault as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.config.vault import VaultSettings
from pywats_archive.replication.restoring import restore
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault.opening import open_vault


def measured(act: str, archive: Path, settings: VaultSettings, target: Path) -> dict[str, float]:
    """Let another process copy or restore; returns its seconds, and its memory before and at most."""
    words = [sys.executable, "-m", "bench.vault_process", act, str(archive), settings.model_dump_json(), str(target)]
    found = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(found))


def main() -> None:
    """Do it, and print the seconds and MB."""
    act, root, keys, target = sys.argv[1:]
    settings = VaultSettings.model_validate_json(keys)
    work, plainly = {"ship": (_ship, _zip), "restore": (_restore, _unzip)}[act]
    begun_mb = _mb("VmRSS")
    s, processor_s = _timed(lambda: work(Path(root), settings, Path(target)))
    most_mb = _mb("VmHWM")
    plain_s, plain_processor_s = _timed(lambda: plainly(Path(root), settings, Path(target)))
    took = {"s": s, "processor_s": processor_s, "plain_s": plain_s, "plain_processor_s": plain_processor_s}
    print(json.dumps({**took, "begun_mb": begun_mb, "most_mb": most_mb}))


def _ship(root: Path, settings: VaultSettings, _target: Path) -> None:
    with Archive.open(root) as archive:
        for _ in Shipping(archive, open_vault(settings)).ship_all():
            pass
        assert progress.lag(archive, settings.vault_url).events == 0


def _restore(_root: Path, settings: VaultSettings, target: Path) -> None:
    assert not restore(open_vault(settings), target, actor="bench").problems


def _zip(root: Path, _settings: VaultSettings, target: Path) -> None:
    """Store the same files in one ZIP, durably."""
    with target.with_name(f"{target.name}.zip").open("wb") as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as whole:
            for top in ("sources", "reports"):
                for path in (root / top).rglob("*.gz"):
                    whole.write(path, path.relative_to(root))
        stream.flush()
        os.fsync(stream.fileno())


def _unzip(_root: Path, settings: VaultSettings, target: Path) -> None:
    """Unpack the segments of the folder, durably."""
    for path in Path(settings.vault_url).rglob("*.zip"):
        with zipfile.ZipFile(path) as whole:
            whole.extractall(target.with_name(f"{target.name}.unzipped"))
    if hasattr(os, "sync"):
        os.sync()


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    began, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - processor


def _mb(name: str) -> float:
    """Return a size of this process; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(name)), 0.0)


if __name__ == "__main__":
    main()
