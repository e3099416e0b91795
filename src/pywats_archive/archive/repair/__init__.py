"""An archive after a crash or after damage.

**Recover** finishes what a crash interrupted, **rebuild** makes a new catalog from the blobs, and **adoption** reads what a blob
says it is.
"""
