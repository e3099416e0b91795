"""What an open archive keeps beside its blobs.

**Policies** say how long entries are kept. The **clock record** is the last believed time. **Ids** and **recent files** are
what this process has given out and archived. None of them knows the archive.
"""
