"""The command: each verb makes one call of the client, or runs the service, and draws the answer."""
