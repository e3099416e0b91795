"""What is released, tried as a station gets it."""
