"""The HTTP API is what its description (OpenAPI) says: schemathesis asks every place, with what fits and what does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.filled import fill
from tests.web_server import pages

LEFT_OUT = (
    "positive_data_acceptance",  # which entries there are, and whether there is a configuration, no description says
    "negative_data_rejection",  # 0 is taken for false, as in an address
    "allow_header_conformance",  # a place with two methods is two routes, and each names its own
)
RUN = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_place_answers_as_described(tmp_path: Path) -> None:
    """No answer is an unexpected error, or has a status, a type or a shape that the description lacks; no stranger gets one."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served:
        words = [sys.executable, "-c", RUN, "run", f"{served.address}/api/v1/openapi.json"]
        words += ["-H", f"Authorization: Bearer {served.token}", "--checks", "all"]
        words += ["--exclude-checks", ",".join(LEFT_OUT), "--phases", "coverage,fuzzing", "--max-examples", "1"]
        words += ["--workers", "1", "--seed", "1", "--no-color", "--warnings", "off", "--no-shrink"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
        with served.api() as api:
            places = len(re.findall(r"operationId", api.get("/api/v1/openapi.json").text))
    assert f"Tested: {places}" in done.stdout and places > 80


def test_the_description_is_of_the_api_alone(tmp_path: Path) -> None:
    """It has no page, each place says what it does, and every answer that is an error is described."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served, served.api() as api:
        described = api.get("/api/v1/openapi.json").json()
        assert httpx.get(f"{served.address}/api/v1/openapi.json").status_code == 401
    for path, operations in described["paths"].items():
        assert path.startswith("/api/v1/")
        for each in operations.values():
            assert each["description"].endswith(".") and "problem+json" in str(each["responses"]["default"])
            assert "422" not in each["responses"]
