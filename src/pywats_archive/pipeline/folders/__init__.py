"""Watch folders: **events** hint at a change, **debounce** says when a file is quiet, **ownership** lets one service use it."""
