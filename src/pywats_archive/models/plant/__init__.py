"""Values about all stations of a plant, as people and programs see them. Knows nothing of how they are stored."""
