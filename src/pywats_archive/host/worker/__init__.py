"""The child process that runs a converter, and nothing else. Knows no archive.

The **entry** is called by name from the parent, the **sandbox** takes rights away, and the **outcome** goes back.
"""
