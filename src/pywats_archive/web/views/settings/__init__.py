"""Settings and the wizard as the pages show them."""
