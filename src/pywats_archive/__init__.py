"""Archives every source before it is converted and every report before it is sent, and finds, proves and restores them."""
