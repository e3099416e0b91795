"""Every manipulation of an archive by somebody with all rights, and what ``verify`` finds of it.

**place** is the archive of a station, and what is done to it. **case** is one manipulation with what is found. The other
modules list them, by what is manipulated. ``docs/proof.md`` is written from these lists, and each is a test.
"""
