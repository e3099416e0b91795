"""What an earlier catalog knows of a vault is read there again, since it lacks the blobs beside the segments."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from pywats_archive.catalog import migrations
from pywats_archive.catalog.engine import Catalog

pytestmark = pytest.mark.migrated


def test_segments_that_an_earlier_version_noted_are_read_again(tmp_path: Path) -> None:
    """They confirm nothing until then: a blob beside them may be missing (invariant 13)."""
    path = tmp_path / "metadata.db"
    raw = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with raw.connect() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0014")
        db.exec_driver_sql("INSERT INTO vault_segments VALUES ('/vault', 'c0ffee', 1, 9, 'h', 1, 1, 's', 1, 'now')")
    raw.dispose()
    catalog = Catalog.open(path)
    try:
        with catalog.read() as db:
            assert db.exec_driver_sql("SELECT count(*) FROM vault_segments").scalar() == 0
    finally:
        catalog.close()
