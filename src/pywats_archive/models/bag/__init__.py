"""Bags: the record of an entry in one, and what an export and an import of one did."""
