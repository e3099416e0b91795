"""``init``: a station from a few answers; questions, the options that answer them, and the words around them."""
