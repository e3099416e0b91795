"""The words that the command and the pages share: sizes, times, printable text, and open alerts as sentences.

Knows values only: no terminal, no HTML, no I/O.
"""
