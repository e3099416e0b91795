"""``python -m pywats_archive``: the command."""

from pywats_archive.cli.main import main

if __name__ == "__main__":
    main()
