"""Jobs beside the processing of sources.

**retention** purges, **scrub** re-reads archived files, **copies** copies the catalogs, **clock** checks the time, and
**pages** runs the web pages.
"""
