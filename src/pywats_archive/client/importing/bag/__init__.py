"""Bags that were exported elsewhere: checked whole against their manifests, then imported entry by entry.

Everything in a bag may be hostile: names, sizes, contents. ``BagFiles`` is a bag's files, a folder's or a zip's, and
``CheckedBag`` those that its manifests name and match.
"""
