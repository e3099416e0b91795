"""Copies of archives in the vault: shipped while a station works, checked, and restored.

**shipping** puts the history into the vault, segment by segment; **verifying** checks the segments; **restoring** makes
an archive of them again; **borrowing** reads one entry, and **cache** lends its files again; **comparing** compares the newest
event; **finding** notes segments that only the vault knows; **repair** stores again what is damaged or missing in a vault.
**segment** is the format of a segment, **packing** makes one of a part of the history, **names** are the keys. Knows neither
the service nor the command.
"""
