"""What an earlier configuration left unfinished: it is continued, or an alert says what has no owner any longer."""
