"""The catalog's rows against the files on disk.

**Inventory** pairs every row with its file. **Inspection** compares one blob with its row. The **scrub log** records what was
read back, and when.
"""
