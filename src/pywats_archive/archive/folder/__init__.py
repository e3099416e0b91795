"""What makes a folder an archive, and whose it is. Knows no entry.

The **layout** says where each file lies, the **description** is ``archive.json``, and the **owner** is the one process that may
write, which holds a lock.
"""
