"""Features of Windows only: its kernel's functions, job objects, console events, and access control lists. Knows no archive."""
