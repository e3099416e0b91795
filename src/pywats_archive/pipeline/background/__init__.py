"""Jobs beside the processing of sources: **retention** purges, **scrub** re-reads archived files, **clock** checks the time."""
