"""One process walks a run: the lock is the kernel's, so these tests use processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blocks.journal import Journal
from contracts.errors import Unavailable

HOLD = """
import sys
from pathlib import Path
from blocks.journal import Journal
with Journal(folder=Path(sys.argv[1])).own("run-1"):
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(folder=tmp_path / "journal")


@contextmanager
def holder(journal: Journal) -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLD, str(journal.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"mine\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_run_that_another_process_walks_is_refused_and_its_holder_is_named(journal: Journal):
    with holder(journal) as process:
        said = rf"'run-1' is in the hands of process {process.pid} on "
        with pytest.raises(Unavailable, match=said), journal.own("run-1", seconds=0.2):
            pytest.fail("two processes have the run")
        assert f"process {process.pid}" in journal.owner("run-1")
        with journal.own("run-2", seconds=0):
            assert f"process {os.getpid()}" in journal.owner("run-2")


def test_a_killed_process_gives_the_run_back(journal: Journal):
    with holder(journal) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert journal.owner("run-1") == ""
        with journal.own("run-1", seconds=0):
            pass


def test_a_process_that_leaves_in_time_is_waited_for(journal: Journal):
    with holder(journal) as process:
        begun = time.monotonic()
        threading.Timer(0.5, process.kill).start()
        with journal.own("run-1", seconds=30):
            assert 0.4 < time.monotonic() - begun < 20


def test_what_is_raised_inside_comes_out_and_the_run_is_free(journal: Journal):
    with pytest.raises(ZeroDivisionError), journal.own("run-1", seconds=0):
        raise ZeroDivisionError
    with journal.own("run-1", seconds=0):
        pass


def test_a_run_that_nobody_has_and_a_run_that_was_never_seen_have_no_owner(journal: Journal):
    assert journal.owner("run-1") == ""
    with journal.own("run-1", seconds=0):
        pass
    assert journal.owner("run-1") == ""


def test_a_child_that_outlives_its_parent_does_not_keep_the_run(journal: Journal):
    with journal.own("run-1", seconds=0):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert journal.owner("run-1") == ""
    finally:
        child.kill()
        child.wait()


def test_the_time_of_the_newest_record_is_that_of_its_writing(journal: Journal):
    assert journal.last_written("run-1") is None
    with journal.own("run-1", seconds=0):
        assert journal.last_written("run-1") is None
        before = time.time()
        journal.write_path("run-1/coder/1", b"{}")
    written = journal.last_written("run-1")
    assert written is not None
    assert before - 1 <= written.timestamp() <= time.time() + 1


def test_a_name_that_leads_out_of_the_journal_is_no_run(journal: Journal):
    with pytest.raises(ValueError, match="leads out"), journal.own("..", seconds=0):
        pass
