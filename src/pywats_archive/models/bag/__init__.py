"""Bags: the record of an entry in one, and the results of an export and an import."""
