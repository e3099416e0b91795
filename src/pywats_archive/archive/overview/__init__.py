"""What a person is shown of an archive: what waits, what vanished, the last days, and the history.

It only reads, except that a person can **acknowledge** a source that **vanished**.
"""
