"""What the service does beside the way of the sources: retention, scrub, the clock, its own vital signs."""
