"""Reports on their way to the server: the **outbox** sends **items** in order, and decides when to try again."""
