"""The client of a station at another place: the methods of ``Client`` over the HTTP API of its pages.

``wire`` sends requests and turns problems back into errors, ``calls`` makes a method of a place of the API, ``api`` and
``retention`` list them. Knows no archive.
"""
