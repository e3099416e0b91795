"""Sources that were converted while the archive was failing.

The **spool** keeps each in ``Done/not-archived`` with a signed **note**. **Backfill** archives them when the archive works
again.
"""
