"""What makes a folder an archive, and who owns it. Knows no entry.

The **layout** says where each file is, the **role** which kind of blob a file is, and the **description** is
``archive.json``. The **owner** is the one process that may write; it holds a lock.
"""
