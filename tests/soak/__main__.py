"""``python -m tests.soak --seconds 300 --seed 1``: prints what was done and what it came to; exit 1 when anything was lost."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.soak.siege import Siege
from tests.soak.vault_verdict import vault_faults
from tests.soak.verdict import faults_of


def main() -> int:
    """Lay siege to a station and judge what is left of it."""
    options = argparse.ArgumentParser(prog="python -m tests.soak")
    options.add_argument("--seconds", type=float, default=300, help="how long files are dropped (default 300)")
    options.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="repeats a run, as far as timing lets it"
    )
    options.add_argument(
        "--no-vault", action="store_true", help="without a vault, which needs the packages of the extra 'dev'"
    )
    options.add_argument("--keep", action="store_true", help="leave the station's folder behind")
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pywats-archive-soak-"))
    print(f"seed {chosen.seed}, {chosen.seconds:g} s, in {folder}", flush=True)
    with Siege(folder / "station", seed=chosen.seed, has_vault=not chosen.no_vault) as siege:
        siege.run(chosen.seconds)
        found = [*siege.finish(), *faults_of(siege)]
        if not chosen.no_vault:
            found += vault_faults(siege.station, folder / "restored")
        print(siege.told())
    print("\n".join(f"FAULT {fault}" for fault in found) or "nothing lost, nothing twice")
    if not found and not chosen.keep:
        siege.remove()
    return 1 if found else 0


sys.exit(main())
