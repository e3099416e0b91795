"""The command for tests, forked from one process per session that has its modules imported: a start takes few milliseconds.

The product imports them at each start, for half a second or more, and for two with the pages. Apart from that, what runs
is the same, in a process of its own; worker processes start as in ``tests.warm``. ``test_streams`` starts each verb as a
shell does.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from multiprocessing import process
from pathlib import Path
from typing import IO, Any

from tests.patience import PATIENCE_S

_START = [sys.executable, "-m", "pywats_archive"]
_LONGEST = 1 << 20
_LATER = (
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "filelock",
    "psutil",
    "pywats_archive.cli.logs",
    "pywats_archive.host.server.bounded",
)
"""What many commands import only when they need it."""


_ENVIRONMENT = dict(os.environ)
"""That of the test session: the server outlives each test that sets a variable, such as the folder of temporary files."""


def command(
    *words: str | Path,
    encoding: str | None = None,
    closed: bool = False,
    stdin: int = subprocess.DEVNULL,
    environment: Mapping[str, str] = os.environ,
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; its standard output has an encoding, or is a pipe that nobody reads."""
    whole = [*_START, *map(str, words)]
    if sys.platform != "linux":
        return subprocess.run(
            whole,
            stdin=stdin,
            capture_output=True,
            text=True,
            encoding=encoding,
            env={**environment, **({"PYTHONIOENCODING": encoding} if encoding else {})},
            timeout=PATIENCE_S,
            check=False,
        )
    with tempfile.TemporaryFile("w+", encoding=encoding) as out, tempfile.TemporaryFile("w+") as err:
        writer = _broken_pipe() if closed else os.dup(out.fileno())
        try:
            running = _server().start(whole[3:], (stdin, writer, err.fileno()), environment, encoding=encoding)
        finally:
            os.close(writer)
        try:
            code = running.wait(PATIENCE_S)
        finally:
            running.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(whole, code, out.read(), err.read())


def started(
    *words: str | Path,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    environment: Mapping[str, str] = os.environ,
) -> subprocess.Popen[bytes] | Process:
    """Start the command; its output and its errors go to descriptors, by default nowhere."""
    whole = [*_START, *map(str, words)]
    if sys.platform != "linux":
        return subprocess.Popen(whole, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment)
    return _server().start(whole[3:], (subprocess.DEVNULL, stdout, stderr), environment)


def _broken_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


class Process:
    """A command that was started, with the methods of ``subprocess.Popen``."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self.pid = int(status.recv(_LONGEST))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when it has ended; TimeoutExpired if it runs on."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._status.recv(_LONGEST))
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


class _Server:
    """The process that has everything imported."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.command", str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def start(
        self, words: list[str], streams: Sequence[int], environment: Mapping[str, str], **more: object
    ) -> Process:
        """Let it start a command."""
        return _ask(self._socket, words, streams, environment, **more)


def _ask(
    server: socket.socket, words: list[str], streams: Sequence[int], environment: Mapping[str, str], **more: object
) -> Process:
    request = {"words": words, "cwd": str(Path.cwd()), "environment": dict(environment), **more}
    status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, Path(os.devnull).open("r+b") as nowhere:
        given = [nowhere.fileno() if each == subprocess.DEVNULL else each for each in streams]
        socket.send_fds(server, [json.dumps(request).encode()], [theirs.fileno(), *given])
    return Process(status)


@cache
def _server() -> _Server:
    return _Server()


def _serve(requests: socket.socket) -> None:
    """Fork a process for each request, and report its exit code; returns in that process, which then is the command."""
    from pywats_archive.catalog import migrations  # noqa: F401, PLC0415 (imported for the commands)
    from pywats_archive.cli import application, verbs  # noqa: F401, PLC0415 (as above)
    from tests import warm  # noqa: PLC0415 (not for the tests)

    for verb in verbs.VERBS:
        import_module(f"pywats_archive.cli.{verb.place.partition(':')[0]}")
    for later in _LATER:
        import_module(later)
    warm.share()
    gc.freeze()  # a collection would copy all memory that is shared with this process
    of_pages, pages = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    waiting = selectors.DefaultSelector()
    for each in (requests, of_pages):
        waiting.register(each, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.data:
                waiting.unregister(key.fileobj)
                _report(key.fd, *key.data)
                continue
            assert isinstance(key.fileobj, socket.socket)
            message, descriptors, *_ = socket.recv_fds(key.fileobj, _LONGEST, 4)
            if not message:
                os._exit(0)
            request = json.loads(message)
            if request["words"][:1] == ["web"]:
                import_module("pywats_archive.web.server")
                launcher: Any = import_module("pywats_archive.web.launcher")
                launcher.start_own_command = partial(_own_command, pages)
            pid = os.fork()
            if pid == 0:
                for other in list(waiting.get_map().values()):
                    os.close(other.fd)
                _become(request, *descriptors)
                return
            status, *streams = descriptors
            for stream in streams:
                os.close(stream)
            os.write(status, str(pid).encode())
            waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))


def _own_command(
    server: socket.socket, words: list[str], *, folder: Path, stdin: int, stdout: int, stderr: IO[bytes]
) -> Process:
    """Start the command as ``portable.processes.start_own_command`` does, for pages that are forked themselves."""
    return _ask(server, words, (stdin, stdout, stderr.fileno()), dict(os.environ), cwd=str(folder), own_session=True)


def _report(ended: int, pid: int, status: int) -> None:
    os.close(ended)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):
        os.write(status, str(code).encode())
    os.close(status)


def _become(request: dict[str, Any], status: int, *streams: int) -> None:
    os.close(status)
    if request.get("own_session"):
        os.setsid()
    for descriptor, opened in enumerate(streams):
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=request.get("encoding"), closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    tempfile.tempdir = None  # some modules ask for it when they are imported
    os.chdir(request["cwd"])
    process.ORIGINAL_DIR = request["cwd"]  # type: ignore[attr-defined] # where worker processes begin
    sys.argv[1:] = request["words"]


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("pywats_archive", run_name="__main__", alter_sys=True)
