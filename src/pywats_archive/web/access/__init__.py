"""Who may ask: the guard before every request, the station's token, and sessions."""
