"""Sources that must wait, each with the reason: until a delay is over, its writer ends, or a person acts."""
