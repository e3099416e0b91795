"""Rows: the metadata database and every query on it.

Each table has a module with its statements; all are defined in **tables** and **upkeep_tables**. The **writer** groups
commits. **Events** are the append-only, chained history. Knows no converter, and no file but its own. The only package that
imports SQLAlchemy and Alembic.
"""
