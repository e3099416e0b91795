"""How Alembic reaches the catalog: over the connection it was given."""

from __future__ import annotations

from alembic import context

from pywats_archive.catalog.tables import metadata

connection = context.config.attributes["connection"]
connection.exec_driver_sql("BEGIN IMMEDIATE")
try:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
    context.run_migrations()
    connection.exec_driver_sql("COMMIT")
except BaseException:
    if connection.connection.dbapi_connection.in_transaction:  # a full disk has ended it already
        connection.exec_driver_sql("ROLLBACK")
    raise
