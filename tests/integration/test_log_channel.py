"""The log channel: a message is there once and whole, whoever posts it, how often, and wherever a process dies."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

import blocks
from blocks.channel import Channel
from blocks.loading import load
from blocks.log_channel import LogChannel, default_file
from contracts.errors import DeliveryError, Unavailable
from contracts.failure import FailureKind
from contracts.message import Event, Message
from contracts.policy import Policy
from deployments.bootstrap import bootstrap

WRITER = Path(__file__).with_name("message_writer.py")
ROOT = Path(__file__).parents[2]
KEY = "r/waiting/architect 1"


@pytest.fixture
def channel(tmp_path: Path) -> LogChannel:
    return LogChannel(file=tmp_path / "made" / "messages.log")


def message(key: str = KEY, text: str = "choose\nhere — ü", event: Event = "waiting") -> Message:
    return Message(key=key, event=event, title="title", text=text, link="", run="r")


def lines(channel: LogChannel) -> list[dict[str, Any]]:
    """Return the lines of the file; a line that is not whole fails the test."""
    raw = channel.file.read_bytes()
    assert raw.endswith(b"\n")
    return [json.loads(line) for line in raw.split(b"\n")[:-1]]


def keys(channel: LogChannel) -> list[str]:
    return [line["message"]["key"] for line in lines(channel)]


def writer(channel: LogChannel, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(WRITER), str(channel.file), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_message_is_posted_once_for_its_key(channel: LogChannel) -> None:
    reference = channel.post(message())
    before = channel.file.read_bytes()
    assert channel.post(message()) == reference
    assert channel.post(message(text="in other words")) == reference
    assert channel.file.read_bytes() == before
    (line,) = lines(channel)
    assert line["what"] == "post"
    assert Message.model_validate(line["message"]) == message()


def test_a_message_is_found_by_its_key_alone(channel: LogChannel) -> None:
    assert channel.find(KEY) is None
    assert not channel.file.exists()
    reference = channel.post(message())
    channel.post(message("r/waiting/other", text="r/waiting/quoted"))
    assert channel.find(KEY) == reference
    assert channel.find("r/waiting/quoted") is None
    assert channel.find("r/waiting/architect") is None
    assert channel.find("r/waiting/architect 11") is None
    assert channel.post(message("r/waiting/architect")) != reference
    assert len(lines(channel)) == 3


def test_an_edit_names_the_message_and_is_written_once(channel: LogChannel) -> None:
    reference = channel.post(message())
    for _ in range(2):
        channel.edit(reference, message())
    assert len(lines(channel)) == 1
    for _ in range(2):
        channel.edit(reference, message(text="Ada approved", event="settled"))
        assert channel.post(message()) == reference
    assert [(line["what"], line["reference"]) for line in lines(channel)] == [("post", reference), ("edit", reference)]
    channel.edit(reference, message())
    assert [line["message"]["event"] for line in lines(channel)] == ["waiting", "settled", "waiting"]


def test_a_message_that_was_put_aside_can_still_be_edited(channel: LogChannel) -> None:
    reference = channel.post(message())
    channel.file.rename(channel.file.with_suffix(".1"))
    channel.edit(reference, message(event="settled"))
    assert [line["what"] for line in lines(channel)] == ["edit"]
    assert channel.post(message()) == reference
    assert len(lines(channel)) == 1


def test_eight_processes_post_and_edit_a_message_once(channel: LogChannel) -> None:
    assert writer(channel, "race", "8") == "0\n"
    for number in range(5):
        told = [line["what"] for line in lines(channel) if line["reference"] == f"r/waiting/{number}"]
        assert told == ["post", "edit"]


@pytest.mark.timeout(180)
def test_a_process_that_is_killed_in_the_middle_leaves_nothing_that_harms(channel: LogChannel) -> None:
    torn = int(writer(channel, "kill", "12"))
    assert torn, "no kill came within a write, so the test shows nothing"
    assert keys(channel) == [f"r/waiting/{number}" for number in range(12)]


def test_wherever_the_last_line_was_cut_the_next_post_makes_it_whole(channel: LogChannel) -> None:
    channel.post(message("r/waiting/first"))
    kept = channel.file.read_bytes()
    channel.post(message())
    raw = channel.file.read_bytes()
    for end in range(len(kept), len(raw)):
        channel.file.write_bytes(raw[:end])
        assert channel.find("r/waiting/first")
        assert channel.post(message()) == KEY
        channel.post(message("r/waiting/next"))
        assert keys(channel) == ["r/waiting/first", KEY, "r/waiting/next"]
        assert channel.file.read_bytes().startswith(kept)


def test_a_line_that_only_lacks_its_end_counts(channel: LogChannel) -> None:
    channel.post(message())
    channel.file.write_bytes(channel.file.read_bytes().removesuffix(b"\n"))
    assert channel.find(KEY) == KEY
    channel.post(message("r/waiting/next"))
    assert keys(channel) == [KEY, "r/waiting/next"]


def test_an_end_of_zeros_as_a_power_cut_leaves_it_is_removed(channel: LogChannel) -> None:
    channel.post(message())
    with channel.file.open("ab") as file:
        file.write(bytes(5_000))
    channel.post(message("r/waiting/next"))
    assert keys(channel) == [KEY, "r/waiting/next"]


def test_a_damaged_line_in_the_middle_stops_nobody(channel: LogChannel) -> None:
    channel.post(message())
    channel.file.write_bytes(b"\xff\n{}\n[1]\n\n" + KEY.encode() + b"\n" + channel.file.read_bytes())
    assert channel.post(message()) == KEY
    assert channel.post(message("r/waiting/next")) == "r/waiting/next"
    assert channel.file.read_bytes().count(b"\n") == 7


def test_a_full_disk_leaves_the_file_as_it_was(channel: LogChannel) -> None:
    channel.post(message())
    before = channel.file.read_bytes()
    said = writer(channel, "full", "2000")
    assert said == (
        f"the message file {str(channel.file)!r} cannot be used: File too large; "
        "see to its disk and its rights, or name another file in the block\n0\n"
    )
    assert channel.file.read_bytes() == before
    channel.post(message("r/waiting/2"))
    assert keys(channel) == [KEY, "r/waiting/2"]


@pytest.mark.parametrize("place", ["folder", "file/messages.log"])
def test_a_file_that_cannot_be_used_is_an_outage(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    channel = LogChannel(file=tmp_path / place)
    for act in (lambda: channel.post(message()), lambda: channel.edit(KEY, message())):
        with pytest.raises(Unavailable, match=f"{str(tmp_path / place)!r} cannot be used: ") as caught:
            act()
        assert caught.value.kind is FailureKind.ENVIRONMENT
    with pytest.raises(Unavailable, match="cannot be used: Is a directory"):
        LogChannel(file=tmp_path / "folder").find(KEY)


def test_the_file_is_below_the_installation_or_in_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_HOME", "/srv/delivery")
    assert default_file() == LogChannel().file == Path("/srv/delivery/messages.log")
    monkeypatch.setenv("DELIVERY_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_file() == Path("/home/somebody/.local/share/prefect-delivery/messages.log")


class Heard(logging.Handler):
    """What a flow run's logger was told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@flow
def tell(reference: str) -> None:
    """Post one message twice and settle it twice."""
    channel = load(reference, Channel)
    for _ in range(2):
        channel.edit(channel.post(message()), message(text="Ada approved 100 %s", event="settled"))


def test_an_installation_has_a_log_channel_that_runs_write_to(installation: Path) -> None:
    assert bootstrap(installation) == []
    logger, heard = logging.getLogger("prefect.flow_runs"), Heard()
    logger.addHandler(heard)
    try:
        tell(Policy().channel)
    finally:
        logger.removeHandler(heard)
    channel = load("log-channel/main", blocks.LogChannel)
    assert channel.file == installation / "messages.log"
    assert [line["what"] for line in lines(channel) if line["reference"] == KEY] == ["post", "edit"]
    assert [text for text in heard.said if text in ("choose\nhere — ü", "Ada approved 100 %s")] == [
        "choose\nhere — ü",
        "Ada approved 100 %s",
    ]


def test_another_block_is_no_channel(installation: Path) -> None:
    assert installation
    with pytest.raises(DeliveryError, match="a Channel is needed here"):
        load("ledger/main", Channel)
