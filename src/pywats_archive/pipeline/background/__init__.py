"""What the service does while sources are processed: **retention** purges, **scrub** reads back, the **clock** is judged."""
