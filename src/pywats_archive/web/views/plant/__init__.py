"""What the pages of a plant show; pure."""
