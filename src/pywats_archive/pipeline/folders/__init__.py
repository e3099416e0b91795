"""Watch folders: **events** hint at changes, the **listing** finds sources, **debounce** waits for writers.

A **claim** makes one service the owner of a folder. Nothing here knows archives or conversions.
"""
