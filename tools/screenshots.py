"""The pictures in docs/images: the web pages of the demo's station, in Chromium. ``make screenshots`` takes them again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).parents[1] / "docs" / "images"
_DESK, _TALL, _PHONE = {"width": 1180, "height": 720}, {"width": 1180, "height": 1080}, {"width": 390, "height": 720}
_FAILED = "/archives?result=failed&converter=json"


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        _demo(Path(folder, "demo")) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        _take(browser, address, "overview", "/", size=_TALL)
        _take(browser, address, "overview-dark", "/", scheme="dark", size=_TALL)
        _take(browser, address, "archives", "/archives", ticks=3)
        _take(browser, address, "hold", "/archives", ticks=3, then="Hold")
        _take(browser, address, "entry", _FAILED, opens_first=True)
        _take(browser, address, "entry-dark", _FAILED, opens_first=True, scheme="dark")
        _take(browser, address, "phone", "/archives", size=_PHONE)


@contextmanager
def _demo(folder: Path) -> Iterator[str]:
    """Run the demo with its pages; yield the address that signs in."""
    words = [sys.executable, "-m", "pywats_archive", "demo", "--web", "--to", str(folder)]
    as_operator = {**os.environ, "SUDO_USER": "operator"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=as_operator)
    try:
        assert process.stdout
        yield next(line.strip() for line in process.stdout if line.startswith("http://"))
    finally:
        process.terminate()
        process.communicate()


def _take(
    browser: Browser,
    sign_in: str,
    name: str,
    place: str,
    *,
    opens_first: bool = False,
    ticks: int = 0,
    then: str = "",
    scheme: str = "light",
    size: dict[str, int] = _DESK,
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(sign_in)
    page.goto(sign_in.partition("/sign-in")[0] + place)
    if opens_first:
        page.locator("table.entries tbody a").first.click()
        page.get_by_role("link", name="Only what failed").click()
        page.get_by_role("link", name="All steps").wait_for()
    for box in page.locator("input[name=id]").all()[1 : 1 + ticks]:
        box.check()
    if then:
        with page.expect_navigation():
            page.get_by_role("button", name=then).click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")
    context.close()


if __name__ == "__main__":
    main()
