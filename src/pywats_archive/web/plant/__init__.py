"""The pages of a plant: all stations of an index, read only. They change nothing, and no API is beneath them.

``site`` is the plant behind its pages, ``turns`` limits what is asked at once; the other modules are routes. Needs the
extras ``[web]`` and ``[plant]``.
"""
