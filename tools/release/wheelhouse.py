"""``make wheelhouse``: one zip for each platform and Python, with all that an installation without a network needs."""

from __future__ import annotations

import argparse
import time
import zipfile
from pathlib import Path

from tools.release.materials import bill_of_materials
from tools.release.notice import NOTICE, missing_lines
from tools.release.project import DIST, ROOT, build, commit_time, version_of, write_sums
from tools.release.target import PLATFORMS, PYTHON_VERSIONS, Target
from tools.release.wheels import download

_OFFLINE = Path(__file__).parent / "offline"
_LAUNCHERS = {"linux": "install.sh", "windows": "install.cmd"}
_FILE, _PROGRAM = 0o100644, 0o100755


def main() -> None:
    """Build the zips that are asked for. One that cannot be built is named at the end, with the reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--platforms", nargs="+", choices=PLATFORMS, default=PLATFORMS)
    parser.add_argument("--python-versions", nargs="+", choices=PYTHON_VERSIONS, default=PYTHON_VERSIONS)
    wanted = parser.parse_args()
    own = build()
    failures = []
    for target in (Target(platform=p, python=v) for p in wanted.platforms for v in wanted.python_versions):
        begun = time.monotonic()
        try:
            made = pack(target, own)
        except SystemExit as exc:
            failures.append(f"{target}: {exc}")
            continue
        print(f"{made.stat().st_size / 1e6:6.1f} MB  {time.monotonic() - begun:4.0f} s  {made.name}", flush=True)
    write_sums()
    if failures:
        raise SystemExit("\n".join(failures))


def pack(target: Target, own: Path, folder: Path = DIST) -> Path:
    """Build the zip of one target."""
    wheels, requirements = download(target, own)
    if missing := missing_lines(wheels):
        raise SystemExit("\n".join(["NOTICE lacks these lines:", *missing]))
    name = f"pywats-archive-{version_of(own)}-{target}"
    contents = {
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "NOTICE": NOTICE.read_bytes(),
        "README.txt": (_OFFLINE / "README.txt").read_bytes(),
        "install.py": (_OFFLINE / "install.py").read_bytes(),
        "python-version.txt": f"{target.python}\r\n".encode(),
        "requirements.txt": requirements.read_bytes(),
        "sbom.cdx.json": bill_of_materials(wheels).encode(),
        _LAUNCHERS[target.platform]: _launcher(target),
        **{f"wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels.iterdir()},
    }
    made = folder / f"{name}.zip"
    moment = time.gmtime(commit_time())[:6]
    with zipfile.ZipFile(made, "w") as packed:
        for path, content in sorted(contents.items()):
            info = zipfile.ZipInfo(f"{name}/{path}", moment)
            info.external_attr = (_PROGRAM if path.endswith(".sh") else _FILE) << 16
            info.compress_type = zipfile.ZIP_STORED if path.endswith(".whl") else zipfile.ZIP_DEFLATED
            packed.writestr(info, content)
    return made


def _launcher(target: Target) -> bytes:
    """Read the script that a person starts, with the line ends of its platform."""
    text = (_OFFLINE / _LAUNCHERS[target.platform]).read_bytes()
    return text.replace(b"\n", b"\r\n") if target.platform == "windows" else text


if __name__ == "__main__":
    main()
