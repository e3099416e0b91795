"""What NOTICE must say of each package that a zip holds."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageMetadata, PathDistribution
from pathlib import Path

from tools.release.project import ROOT

NOTICE = ROOT / "NOTICE"
OWN = "pywats-archive"
_LONGEST_NAME_OF_A_LICENCE = 60


def missing_lines(wheels: Path) -> list[str]:
    """Return the lines that NOTICE lacks for the wheels of a folder."""
    present = NOTICE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines(map(metadata_in, sorted(wheels.glob("*.whl")))) if line not in present]


def lines(packages: Iterable[PackageMetadata]) -> Iterator[str]:
    """Yield a line for each package but the project's own: its name and its licence, as the package states them."""
    for package in packages:
        if package["Name"] != OWN:
            yield f"    {package['Name']:<20} {licence_of(package)}"


def licence_of(package: PackageMetadata) -> str:
    """Read a licence from the expression, the short text, or the classifiers of a package's metadata."""
    for field in ("License-Expression", "License"):
        for stated in package.get_all(field) or ():
            if "\n" not in stated and len(stated) <= _LONGEST_NAME_OF_A_LICENCE:
                return str(stated)
    classifiers = package.get_all("Classifier") or ()
    return ", ".join(each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: "))


def metadata_in(wheel: Path) -> PackageMetadata:
    """Read the metadata of a wheel."""
    with zipfile.ZipFile(wheel) as packed:
        (folder,) = (each for each in zipfile.Path(packed).iterdir() if each.name.endswith(".dist-info"))
        return PathDistribution(folder).metadata
