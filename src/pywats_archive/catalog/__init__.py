"""Rows: the metadata database and every query on it.

A **table** has a module of its own with its statements. The **writer** groups commits. **Events** are the append-only,
chained history. Knows no file but its own and no converter. The only room that imports SQLAlchemy and Alembic.
"""
