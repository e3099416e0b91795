"""The users of the pages, as an admin sees and changes them: ``accounts`` does it, ``api`` and ``pages`` are the routes."""
