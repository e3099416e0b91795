"""Runs the real CPython for Windows, with the packages of Windows, under Wine.

``wine`` knows Wine alone, ``python`` installs CPython and the packages into a folder below ``.venv``; the command is in
``__main__``. What Wine lacks, and Windows has, is filled by ``bcryptprimitives.def`` and ``sitecustomize.py``.
"""
