"""Copies of archives in the vault: shipped while a station works, and made to archives again.

**shipping** puts the history into the vault, one segment after the other; **restoring** makes an archive of them again.
**segment** is the format of one, **names** are the keys. Knows neither the service nor the command.
"""
