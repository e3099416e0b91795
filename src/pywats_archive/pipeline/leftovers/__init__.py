"""Unfinished work of earlier configurations: a **survey** finds it, a **plan** decides, a **draining lane** completes it.

**Orphans** have no owner any longer, and are alerts.
"""
