"""The only access to bytes and rows together: an entry is in both or in neither.

An **archive** is one folder. An **entry** is one archived source with its results. The **ledger** has every source that was
ever seen in a watch folder. Knows no converter and no server.
"""
