"""A segment: a part of an archive's history as a ZIP, with the rows that belong to it and the blobs that came with it.

**building** makes the bytes, **reading** opens them, **description** is what ``segment.json`` says. Pure functions of bytes.
"""
