"""What a station needs beside sound folders: **checks** of its converters, its server, its clock, its secrets, its versions
and its disk space.

Each module makes the checks of one topic. None knows how they are shown."""
