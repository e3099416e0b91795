"""Values of a station's settings and of what is installed."""
