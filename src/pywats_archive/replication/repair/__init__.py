"""Repairs: objects in a vault that take the place of damaged or missing ones, which are never replaced themselves.

**lookup** finds the newest repair that is intact; **putting** makes one of what the archive still has; **selection** selects
the object to restore a segment from. Knows neither the service nor the restore.
"""
