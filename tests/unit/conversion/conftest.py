"""What the tests of conversions share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.host.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder for converters and one source."""
    return Bench(tmp_path)
