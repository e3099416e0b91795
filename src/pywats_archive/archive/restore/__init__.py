"""Bytes out of an archive: a source with its companions, or what is still readable of a damaged one."""
