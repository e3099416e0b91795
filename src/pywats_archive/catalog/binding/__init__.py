"""Binds rows to the history: the event of a row's last change holds the row's digest.

**bound** lists the tables whose rows are bound, and why the others are not. **digests** says what of a row is hashed.
**noting** notes each row that a transaction changes, whatever statement does that. **newest** compares the rows with the
newest digests of the history; **confirming** lets SQLite write their JSON, so that few need the exact form. Knows no event.
"""
