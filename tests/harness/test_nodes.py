"""A forked worker is what execnet would have started, and its end is seen."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from execnet.gateway import Gateway
from execnet.gateway_base import get_execmodel
from execnet.gateway_bootstrap import bootstrap
from execnet.xspec import XSpec

from tests.harness.nodes import ForkedNode, NodeParent

_MODEL = get_execmodel("thread")


@pytest.fixture
def parent() -> Iterator[NodeParent]:
    parent = NodeParent([])
    yield parent
    parent.close()


def started(node: ForkedNode, name: str) -> Gateway:
    return bootstrap(node, XSpec(f"popen//id={name}//execmodel=main_thread_only"))


def test_workers_are_processes_of_their_own_and_one_that_is_killed_leaves_the_others(parent: NodeParent) -> None:
    nodes = [parent.fork(None, _MODEL) for _ in range(2)]
    killed, kept = (started(node, name) for node, name in zip(nodes, ("killed", "kept"), strict=True))

    nodes[0].kill()
    nodes[0].wait()
    killed.join(None)
    told = kept.remote_exec("import os, sys; channel.send((os.getpid(), os.getppid(), sys.argv))")

    assert told.receive() == (nodes[1].pid, parent.pid, ["-c"])
    assert not os.path.exists(f"/proc/{nodes[0].pid}/fd/0")
    nodes[1].close_write()
    nodes[1].wait()
    nodes[1].wait()  # it says nothing new
    nodes[1].kill()


def test_a_parent_that_has_ended_is_told(parent: NodeParent) -> None:
    os.kill(parent.pid, 9)

    with pytest.raises((RuntimeError, OSError)):
        parent.fork(None, _MODEL)
