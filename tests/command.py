"""The command for tests, forked from one process per session that has its modules imported: a start takes few milliseconds.

The product imports them at each start, for half a second or more. Apart from that, what runs is the same, in its own process.
``test_streams`` starts each verb as a shell does.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

_START = [sys.executable, "-m", "pywats_archive"]
_TIMEOUT_S = 300 if sys.platform == "win32" else 60  # processes of Windows start slowly under Wine
_LONGEST = 1 << 20


def command(*words: str | Path, encoding: str | None = None, closed: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; its standard output has an encoding, or is a pipe that nobody reads."""
    whole = [*_START, *map(str, words)]
    if sys.platform != "linux":
        environment = {**os.environ, **({"PYTHONIOENCODING": encoding} if encoding else {})}
        return subprocess.run(
            whole,
            capture_output=True,
            text=True,
            encoding=encoding,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        request = {"words": whole[3:], "out": str(out), "err": str(err), "cwd": str(Path.cwd())}
        stream = {"encoding": encoding, "closed": closed}
        code = _server().ask({**request, **stream, "environment": dict(os.environ)})
        return subprocess.CompletedProcess(whole, code, out.read_text(encoding), err.read_text())


class _Server:
    """The process that has everything imported."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_TIMEOUT_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.command", str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def ask(self, request: dict[str, object]) -> int:
        """Let it run a command; gives the exit code."""
        self._socket.send(json.dumps(request).encode())
        try:
            return int(self._socket.recv(_LONGEST))
        except BaseException:
            os.killpg(self._process.pid, signal.SIGKILL)
            _server.cache_clear()
            raise


@cache
def _server() -> _Server:
    return _Server()


def _serve(requests: socket.socket) -> None:
    """Fork a process for each request; returns in that process, which then is the command."""
    from pywats_archive.catalog import migrations  # noqa: F401, PLC0415 (imported for the commands)
    from pywats_archive.cli import application, verbs  # noqa: F401, PLC0415 (as above)

    for verb in verbs.VERBS:
        import_module(f"pywats_archive.cli.{verb.place.partition(':')[0]}")
    gc.freeze()  # a collection would copy all memory that is shared with this process
    while message := requests.recv(_LONGEST):
        child = os.fork()
        if child == 0:
            _become(json.loads(message))
            requests.close()
            return
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        requests.send(str(code).encode())
    os._exit(0)


def _become(request: dict[str, Any]) -> None:
    for descriptor, name in ((1, "out"), (2, "err")):
        opened = os.open(request[name], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    if request["closed"]:
        reader, writer = os.pipe()
        os.dup2(writer, 1)
        os.close(reader)
        os.close(writer)
    sys.stdout = open(1, "w", encoding=request["encoding"], closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    tempfile.tempdir = None  # some modules ask for it when they are imported
    os.chdir(request["cwd"])
    sys.argv[1:] = request["words"]


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("pywats_archive", run_name="__main__", alter_sys=True)
