"""The journal's storage: a record is there whole or not at all, and damage is never taken for a record."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.journal import Journal, JournalDamaged, default_folder
from contracts.errors import DeliveryError, Unavailable
from contracts.failure import FailureKind
from contracts.journal import Restart

WRITER = Path(__file__).with_name("journal_writer.py")
ROOT = Path(__file__).parents[2]
KEY = "run/coder/1"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(folder=tmp_path / "made" / "journal")


def writer(journal: Journal, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(WRITER), str(journal.folder), *arguments], env=environment)


def whole(content: bytes) -> bool:
    """Whether a record is one that was written, and no mixture."""
    return len(content) in (2_000, 200_000, 3_000_000) and len(set(content)) == 1


def test_a_record_is_given_back_as_it_was_written(journal: Journal) -> None:
    for content in (b"", b"\n", b"sha256:\n\n", bytes(range(256)) * 300):
        journal.write_path(KEY, content)
        assert journal.read_path(KEY) == content
        assert journal.verify(KEY)
        assert journal.holds(KEY)
    assert [path.name for path in (journal.folder / "run").iterdir()] == ["coder-1.json"]
    assert (journal.folder / "run/coder-1.json").stat().st_mode & 0o777 == 0o600


def test_a_record_that_is_not_there_is_no_damage(journal: Journal) -> None:
    assert not journal.verify(KEY)
    assert not journal.holds(KEY)
    assert journal.recall(KEY) is None
    with pytest.raises(FileNotFoundError):
        journal.read_path(KEY)
    assert not journal.folder.exists()


def test_every_cut_of_a_record_is_damage(journal: Journal) -> None:
    journal.write_path(KEY, b'{"outcome": "done"}\n')
    file = journal.folder / "run/coder-1.json"
    raw = file.read_bytes()
    for length in range(len(raw)):
        file.write_bytes(raw[:length])
        with pytest.raises(JournalDamaged, match=f"{KEY!r} is damaged .{length} bytes.; restore it"):
            journal.read_path(KEY)
        with pytest.raises(JournalDamaged):
            journal.verify(KEY)
        with pytest.raises(JournalDamaged):
            journal.recall(KEY)
        assert journal.holds(KEY)
    file.write_bytes(raw)
    assert journal.verify(KEY)


def test_every_changed_or_added_byte_is_damage(journal: Journal) -> None:
    journal.write_path(KEY, b'{"outcome": "done"}')
    file = journal.folder / "run/coder-1.json"
    raw = file.read_bytes()
    changed = [raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :] for at in range(len(raw)) for bit in (1, 32, 128)]
    for content in [*changed, raw + b"\n", raw + b"\0", b"\n" + raw, bytes(len(raw)), raw * 2]:
        file.write_bytes(content)
        with pytest.raises(JournalDamaged):
            journal.verify(KEY)


def test_damage_is_a_failure_of_its_own_kind(journal: Journal) -> None:
    (journal.folder / "run/coder-1.json").mkdir(parents=True)
    with pytest.raises(DeliveryError, match="cannot be read: Is a directory") as caught:
        journal.verify(KEY)
    assert caught.value.kind is FailureKind.JOURNAL


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "../x",
        "run/../../x",
        "run/coder/..",
        "/etc/passwd",
        "//etc/passwd",
        "run/../x/1",
        "run/x/../../../y",
    ],
)
def test_no_key_leads_out(journal: Journal, key: str) -> None:
    for act in (journal.read_path, journal.verify, journal.holds, journal.recall):
        with pytest.raises(ValueError, match="leads out of the journal"):
            act(key)
    with pytest.raises(ValueError, match="leads out of the journal"):
        journal.write_path(key, b"x")
    assert not journal.folder.parent.exists()


def test_keys_have_files_of_their_own(journal: Journal) -> None:
    keys = ["a/coder/1", "a/coder/11", "a/coder-1/1", "a/coder.fixer/1", "a-coder/1/1", "b/coder/1", "a/opening/1"]
    for key in keys:
        journal.write_path(key, key.encode())
    assert [journal.read_path(key).decode() for key in keys] == keys


@pytest.mark.parametrize(("lasting", "synced"), [(True, ["record", "folder"]), (False, [])])
def test_a_record_is_on_the_disk_before_its_name_and_its_name_before_it_counts(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, lasting: bool, synced: list[str]
) -> None:
    journal.keep(KEY, Restart())
    file, real, seen = journal.folder / "run/coder-2.json", os.fsync, list[str]()

    def fsync(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        assert file.exists() is folder
        seen.append("folder" if folder else "record")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.keep("run/coder/2", Restart(), lasting=lasting)
    assert seen == synced
    assert journal.recall("run/coder/2") == Restart()


def test_a_write_that_fails_leaves_the_old_record_and_nothing_else(journal: Journal) -> None:
    journal.write_path(KEY, b"old")
    file = journal.folder / "run/coder-1.json"
    file.unlink()
    file.mkdir()
    with pytest.raises(IsADirectoryError):
        journal.write_path(KEY, b"new")
    assert [path.name for path in (journal.folder / "run").iterdir()] == ["coder-1.json"]


@pytest.mark.timeout(180)
def test_a_kill_leaves_the_old_record_or_a_new_one_whole(journal: Journal) -> None:
    rounds = 40
    with writer(journal, "kill", str(rounds)) as process:
        assert process.wait() == 0
    found = [journal.read_path(f"run/step/{number + 1}") for number in range(rounds)]
    assert all(map(whole, found))
    left = list((journal.folder / "run").glob(".*"))
    assert left, "no kill came within a write, so the test shows nothing"
    journal.write_path("run/step/1", b"after")
    assert journal.read_path("run/step/1") == b"after"


@pytest.mark.timeout(180)
def test_writers_at_the_same_time_never_show_a_mixture(journal: Journal) -> None:
    seen = 0
    with writer(journal, "race", "4") as process, ThreadPoolExecutor(1) as pool:
        ended = pool.submit(process.wait)
        while not ended.done():
            if journal.verify("run/shared/1"):
                seen += 1
                assert whole(journal.read_path("run/shared/1"))
        assert ended.result() == 0
    assert seen
    records = sorted((journal.folder / "run").iterdir())
    assert len(records) == 16, "temporary files are left"
    assert all(whole(journal.read_path(f"run/new-{step}/1")) for step in range(15))


def test_the_folder_is_below_the_installation_or_in_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_HOME", "/srv/delivery")
    assert default_folder() == Path("/srv/delivery/journal")
    monkeypatch.setenv("DELIVERY_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_folder() == Path("/home/somebody/.local/share/prefect-delivery/journal")


def test_a_record_that_cannot_be_written_is_told_and_is_no_reason_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(DeliveryError, match=r"did not keep 'run/coder\.turn/1': .+; check the disk") as failed:
        Journal(folder=tmp_path / "journal").keep("run/coder.turn/1", Restart())
    assert failed.value.kind is FailureKind.ENVIRONMENT
    assert not isinstance(failed.value, Unavailable)


def test_a_kept_record_is_read_back_as_what_it_was_and_the_last_one_stays(tmp_path: Path) -> None:
    journal = Journal(folder=tmp_path)
    journal.keep("run/coder.turn/1", Restart(run="a"))
    journal.keep("run/coder.turn/1", Restart(run="b", step="c"))
    assert journal.recall("run/coder.turn/1") == Restart(run="b", step="c")
    assert journal.keys("run") == ["run/coder.turn/1"]
