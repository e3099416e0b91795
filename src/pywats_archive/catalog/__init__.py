"""Rows: the metadata database and everything that is asked of it; knows no file but its own and no converter.

The only room that imports SQLAlchemy and Alembic.
"""
