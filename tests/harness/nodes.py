"""The workers of a run, forked from one process that has imported every test file.

Each worker would import all of them itself: that takes 7 s of the processor, and 13 s in a fresh clone, where nothing
is compiled yet. A fork takes part in what has been imported, in keys that have been made, in the one process that the
tests' servers are forked from, and in the one that judges by DSS.

xdist starts a worker by a command and speaks with it by two pipes. `NodeParent` gives it a fork in place of the
command. Whatever cannot be imported here is imported by each worker, which reports what is wrong.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from execnet.gateway_base import Popen2IO

from tests.harness.processes import forking

_ROOT = Path(__file__).parents[2]
_PROGRAM = "from tests.harness.nodes import main; main()"
"""Not ``-m tests.harness.nodes``: what a worker spawns would import the main module anew."""
_READY = b"\n"
_kept: list[object] = []
"""What must not be garbage before the last worker has ended."""
_BOTH = 2
"""The pipes of a worker: what it reads, and what it writes."""


class ForkedNode(Popen2IO):
    """What execnet needs of a worker: to write to it, to read from it, to wait for its end, to kill it."""

    def __init__(self, pid: int, to_node: int, from_node: int, execmodel: Any) -> None:
        try:
            self._end: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._end = None
        self.pid = pid
        super().__init__(os.fdopen(to_node, "wb"), os.fdopen(from_node, "rb"), execmodel)

    def wait(self) -> int | None:
        """Block until it has ended. How it ended is known to nobody: it is no child of this process."""
        if self._end is not None:
            select.select([self._end], [], [])
            os.close(self._end)
            self._end = None
        return None

    def kill(self) -> None:
        if self._end is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._end, signal.SIGKILL)


class NodeParent:
    """The process that workers are forked from. It has imported the tests in `places` when it forks the first one.

    Without `places` it imports nothing. For a run that `is_long` it also makes ready what most of its tests use.
    """

    def __init__(self, places: Sequence[str], *, is_long: bool = False) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), "long" if is_long else "", *places],
                cwd=_ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self, _spec: object, execmodel: Any) -> ForkedNode:
        """Fork one worker: it waits for what execnet sends first. In place of `execnet.gateway_io.create_io`."""
        (its_input, to_node), (from_node, its_output) = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._control, [_READY], [its_input, its_output])
            answer = bytearray()
            while not answer.endswith(_READY):
                part = self._control.recv(1)
                if not part:
                    raise RuntimeError("the process that the workers are forked from has ended")
                answer += part
        except BaseException:
            os.close(to_node)
            os.close(from_node)
            raise
        finally:
            os.close(its_input)
            os.close(its_output)
        return ForkedNode(int(answer), to_node, from_node, execmodel)

    def close(self) -> None:
        """Fork no more. The workers that it has forked go on."""
        self._control.close()
        self._process.wait()


# -- in the process itself ---------------------------------------------------------------------------


def main() -> None:
    """What `NodeParent` starts."""
    control, is_long, *places = sys.argv[1:]
    serve(int(control), places, is_long=bool(is_long))


def serve(control: int, places: Sequence[str], *, is_long: bool) -> None:
    """Import the tests in `places`, then fork a worker each time the other side asks, until that side is closed."""
    os.set_inheritable(control, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process of xdist is interrupted, too, and closes its side
    if places:
        _import(places, is_long=is_long)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the workers that end
    with socket.socket(fileno=control) as listening:
        while True:
            asked, pipes, _, _ = socket.recv_fds(listening, 1, _BOTH)
            if not asked:
                return
            pid = os.fork()
            if pid == 0:
                break
            for pipe in pipes:
                os.close(pipe)
            listening.sendall(str(pid).encode() + _READY)
    _work(*pipes)


def _import(places: Sequence[str], *, is_long: bool) -> None:
    keys = Thread(target=_make_keys)
    if is_long:
        forking()
        forkserver.ensure_running()
        keys.start()
    pytest.main(["-qq", "--collect-only", *places])
    if is_long:
        from tests.verifiers import dss

        keys.join()
        _kept.append(dss.share())
        # The server to fork from is no child of a worker: Python would wait for it, and then start another one.
        forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]  # noqa: SLF001
    # The tests that were collected are garbage: each worker makes its own.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _make_keys() -> None:
    """RSA keys, which take long and are the same for everybody: OpenSSL makes them while Python imports."""
    from tests.pki import authority, three_tiers

    for name in (*authority.GOOD, *authority.FAULTY):
        authority.leaf(name)
    for kind in three_tiers.KINDS:
        three_tiers.signer(kind)
    three_tiers.stamper()


def _work(its_input: int, its_output: int) -> None:
    """Be a worker as if started by execnet's own command, ``python -c``."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pipe, standard in ((its_input, 0), (its_output, 1)):
        os.dup2(pipe, standard)
        os.close(pipe)
    sys.argv = ["-c"]
    sys.stdin, sys.stdout = os.fdopen(0, "r", closefd=False), os.fdopen(1, "w", closefd=False)
    # What execnet's own command does.
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})  # noqa: S102, S307


# -- in the process of xdist -------------------------------------------------------------------------


def fork_nodes(config: pytest.Config, *, is_long: bool) -> None:
    """Let xdist's workers be forked in this run."""
    from execnet import gateway_io

    parent = NodeParent(config.args, is_long=is_long)
    config.add_cleanup(parent.close)
    usual = gateway_io.create_io
    gateway_io.create_io = parent.fork  # type: ignore[assignment]
    config.add_cleanup(partial(setattr, gateway_io, "create_io", usual))
