"""How a source leaves the watch folder: a **decision** is made from values alone, an **action** carries it out.

**Late writes** are changes to a source after it was archived.
"""
