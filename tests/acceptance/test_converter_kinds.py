"""Each kind of converter does its work: of folders, scheduled, legacy, with hooks, without an archive."""

from __future__ import annotations

import time

from tests.station import Station, wait_for

from pywats_archive.archive.restore.source import restore_source


def test_a_folder_of_500_files_is_one_source(station: Station) -> None:
    """A folder is archived as a tar once its marker is there, converted, moved and restored file by file."""
    station.code(
        "class Folder(FolderConverter):\n"
        "    name = property(lambda self: 'Folder')\n"
        "    def convert(self, source, context):\n"
        "        os.unlink(source.folder_path / 'COMPLETE.marker')\n"
        "        count = len(source.get_files_by_pattern('part-*'))\n"
        "        body = {k: v for k, v in report(f'N{count}').items() if v is not None}\n"
        "        return ConverterResult.success_result(report=body)\n"
    )
    watch = station.add("folder", "own.Folder", converter_type="folder", post_action="archive")
    folder = watch / "UNIT 1"
    folder.mkdir()
    for number in range(500):
        (folder / f"part-{number}.txt").write_text(str(number))
    with station.serving():
        wait_for(station.arrivals)
        time.sleep(1)
        assert station.entries() == ()
        (folder / "COMPLETE.marker").touch()
        wait_for(lambda: not folder.exists())
    assert station.entry().serial_number == "N500"
    with station.archive() as archive:
        restored = restore_source(archive, station.entry().archive_id, station.root / "back")
    assert len(list(restored.iterdir())) == 501
    assert (restored / "part-499.txt").read_text() == "499"


def test_without_an_archive_a_converter_works_and_touches_none(station: Station) -> None:
    """With ``archive_enabled`` false sources are converted, submitted and moved, and no archive is made."""
    watch = station.add("plain", archive_enabled=False)
    (watch / "a.log").write_bytes(b"x")
    assert station.run().waiting == ()
    assert station.names("plain/Done") == ["a.log"]
    assert len(station.server.received) == 1
    assert not station.archive_root.exists()


def test_a_scheduled_converter_runs_and_its_results_are_archived(station: Station) -> None:
    """Each result of a scheduled converter is an entry of its own, with its report at the server."""
    station.code(
        "from pywats_client.converters.scheduled_converter import ScheduledConverter\n"
        "class Polls(ScheduledConverter):\n"
        "    name = property(lambda self: 'Polls')\n"
        "    schedule_interval = property(lambda self: timedelta(seconds=3600))\n"
        "    async def run(self, context):\n"
        "        bodies = [{k: v for k, v in report(f'S{n}').items() if v is not None} for n in (1, 2)]\n"
        "        return [ConverterResult.success_result(report=b, metadata={'row': 1}) for b in bodies]\n"
    )
    station.add("polls", "own.Polls", converter_type="scheduled", run_on_startup=True)
    with station.serving():
        wait_for(lambda: len(station.server.received) == 2)
        wait_for(lambda: all(arrival.state.value == "done" for arrival in station.arrivals()))
    assert sorted(entry.serial_number or "" for entry in station.entries()) == ["S1", "S2"]


def test_a_legacy_converter_works(station: Station) -> None:
    """Converters on ConverterBase get their constructor's keywords and their settings."""
    station.code(
        "from pywats_client.converters.base import ConverterBase\n"
        "class Old(ConverterBase):\n"
        "    def __init__(self, prefix='none'):\n"
        "        super().__init__()\n"
        "        self.prefix = prefix\n"
        "    name = property(lambda self: 'Old')\n"
        "    supported_extensions = property(lambda self: ['.log'])\n"
        "    def convert_file(self, file_path, args):\n"
        "        sn = self.prefix + args.user_settings['suffix'] + file_path.stem\n"
        "        body = {k: v for k, v in report(sn).items() if v is not None}\n"
        "        return ConverterResult.success_result(report=body)\n"
    )
    watch = station.add("old", "own.Old", arguments={"prefix": "A-", "suffix": "B-"})
    (watch / "x.log").write_bytes(b"x")
    station.run()
    assert station.entry().serial_number == "A-B-x"


def test_hooks_are_called_after_post_processing(station: Station) -> None:
    """``on_success`` hears of a source once it has left the watch folder."""
    station.code(
        "class Hooked(Any):\n"
        "    def on_success(self, source, result, context):\n"
        "        told = f\"{source.path.exists()} {result.report['sn']}\"\n"
        "        (context.done_folder / 'told.txt').write_text(told)\n"
    )
    watch = station.add("hooked", "own.Hooked")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    assert (station.root / "hooked/Done/told.txt").read_text() == "False a"
