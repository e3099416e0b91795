"""``make dist``: wheel, source, bill of materials and checksums, in ``dist``."""

from __future__ import annotations

from tools.release.materials import bill_of_materials
from tools.release.project import DIST, build, version_of, write_sums
from tools.release.target import this_computer
from tools.release.wheels import download


def main() -> None:
    """Build everything that needs no choice of a target; the bill of materials is of this computer's platform."""
    own = build()
    wheels, _ = download(this_computer(), own)
    bill = DIST / f"pywats-archive-{version_of(own)}.cdx.json"
    bill.write_text(bill_of_materials(wheels), encoding="utf-8", newline="\n")
    write_sums()
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path.name}")


if __name__ == "__main__":
    main()
