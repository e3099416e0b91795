"""What the pages of a station and of a plant share.

``site`` is what every page works with, ``rendering`` makes a page of a template, ``assembly`` puts an application together.
"""
