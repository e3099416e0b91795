"""Taking over sources that were converted before there was an archive: entries with their own times, never sent.

A **to-do** is one source of a Done folder with its reports; an **outcome** says what became of it. Knows no Done folder.
"""
