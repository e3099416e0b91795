"""Whether an archive still holds what it recorded: **verify** checks it once, the **scrub** re-reads it all the time.

Runs no converter.
"""
