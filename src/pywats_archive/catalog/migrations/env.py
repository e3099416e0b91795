"""How Alembic reaches the catalog: over the connection it was given."""

from __future__ import annotations

from alembic import context

from pywats_archive.catalog.first_binding import bind_rows_of_earlier_versions, version_before
from pywats_archive.catalog.tables import metadata

connection = context.config.attributes["connection"]
connection.exec_driver_sql("BEGIN IMMEDIATE")
try:
    before = version_before(connection)
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()
    if before:
        bind_rows_of_earlier_versions(connection, before)
    connection.exec_driver_sql("COMMIT")
except BaseException:
    if connection.connection.dbapi_connection.in_transaction:  # a full disk has ended it already
        connection.exec_driver_sql("ROLLBACK")
    raise
