"""Values about the vault, as people and programs see them. Knows nothing of how objects are stored."""
