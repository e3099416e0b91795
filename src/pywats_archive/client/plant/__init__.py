"""All stations of a plant: ``Plant`` fills and reads the index over their vault. Knows nothing of how it is stored."""
