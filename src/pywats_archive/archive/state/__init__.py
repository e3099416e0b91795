"""What an open archive keeps beside its blobs.

**Policies** say how long entries are kept. The **clock record** is the last trusted time. **Ids** are the archive ids that
this process has assigned, and **recent files** the files that it has archived. None of them knows the archive.
"""
