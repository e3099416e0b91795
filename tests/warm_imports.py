"""What a worker process imports before its first call."""

from pywats_archive.host.headless import pywats_module
from pywats_archive.host.worker import serving  # noqa: F401

pywats_module("pywats_client.converters.file_converter")
