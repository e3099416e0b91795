"""The long-running service of a station: watches folders, converts sources, submits reports, moves sources away.

It does not know the command line or the web pages. Its nouns:

- a **lane** is one converter with its watch folder, its ledger and its archive;
- a **mount** is the folder of one archive, which may go away and come back;
- the **outbox** sends reports, the **spool** holds sources until a failed archive works again.
"""
