"""What a zip holds beside wheels: the scripts that install them."""
