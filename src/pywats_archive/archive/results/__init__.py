"""The results of an entry: its **conversions**, their **reports**, and the **submissions** of each report to the server.

**Current** says which of these an entry shows, **runs** are replays, **appended** handles files that grow.
"""
