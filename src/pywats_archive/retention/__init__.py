"""What may go and what must stay: a pure plan, and its enforcement."""
