"""Whether a service works on an archive.

The **heartbeat** is the service's sign of life. An archive with waiting work and no service is **unattended**.
"""
