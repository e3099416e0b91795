"""Watch folders: **events** hint at a change, **debounce** says when a file is quiet, **claims** make one service the owner."""
