"""Durable bytes: compressed, checksummed files that describe themselves.

A **blob** is one such file, and its **label** is what its header says. The **reserve** is disk space for commits on a full
disk. Knows nothing of rows or converters.
"""
