"""What a worker process imports before its first call."""

import gc

from pywats_archive.host.headless import pywats_module
from pywats_archive.host.worker import serving  # noqa: F401

pywats_module("pywats_client.converters.file_converter")
gc.freeze()  # a collection would copy all memory that is shared with this process
