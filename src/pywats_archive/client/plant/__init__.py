"""All stations of a plant: ``Plant`` reads the index over their vault, and fills it. Knows nothing of how the index is stored."""
