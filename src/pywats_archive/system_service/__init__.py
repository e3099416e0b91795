"""The service that starts with the machine: a **unit** of systemd or a service of Windows, made from the configuration.

Knows which folders and how much time a service needs. Does not know what the service does.
"""
