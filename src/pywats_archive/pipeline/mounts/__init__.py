"""Archives that may go away and come back.

A **mount** is one archive's folder, shared by the lanes that use it. The **pool** opens and closes their archives, the
**monitor** notices that one is away or back, and **leases** count the work that keeps one open.
"""
