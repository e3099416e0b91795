"""The client over real archives."""
