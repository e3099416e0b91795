"""All stations of a plant: ``Plant`` fills and reads the index over their vault, ``replays_of`` starts and shows replays.

Knows nothing of how they are stored.
"""
