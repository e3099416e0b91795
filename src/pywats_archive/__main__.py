"""The command, as ``pywats-archive`` and ``python -m pywats_archive`` start it."""


def main() -> None:
    """Run the command. Its modules are loaded only now: each worker process loads this one, and needs none of them."""
    from pywats_archive.cli.main import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
