"""The one API over all archives of a station: ``Client``, and the values that it returns."""

from pywats_archive.client.api import Client as Client
from pywats_archive.client.restoring import Restored as Restored
from pywats_archive.client.status import StationStatus as StationStatus
