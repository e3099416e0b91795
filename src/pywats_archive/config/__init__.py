"""Typed configuration, frozen: ``StationConfig`` is one file, ``ConverterConfig`` one converter in it; reads no file."""

from pywats_archive.config.converter import ConverterConfig as ConverterConfig
from pywats_archive.config.converter import PostProcessAction as PostProcessAction
from pywats_archive.config.station import StationConfig as StationConfig
