"""An archive after a crash or after damage.

**Recover** finishes what a crash interrupted, **rebuild** makes a new catalog from the newest copy and the blobs, and
**adoption** turns a blob without a row into an entry, a companion or a report.
"""
