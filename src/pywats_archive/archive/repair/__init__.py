"""An archive after a crash or after damage.

**Recover** finishes what a crash interrupted, **rebuild** makes a new catalog from the blobs, and **adoption** reads from
a blob what it is.
"""
