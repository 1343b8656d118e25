"""Outside text in a message is shown as it was written and does nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from contracts.delivery import DeliveryStatus
from contracts.failure import Failure, FailureKind
from contracts.message import Message, Settlement, Subject, delivered, escalated, failed, settled, shown, waiting
from contracts.redaction import MASK

RUN = "http://127.0.0.1:4200/runs/flow-run/r"
PULL = "https://forge.example/shop/pulls/7"
TOKEN = "ghp_" + "aB3d" * 9
MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])
MARKDOWN.validateLink = lambda url: True  # a reader that follows every address
SIGNS = ["*", "_", "`", "~", "[", "]", "(", ")", "<", ">", "&", "\\", "!", "#", "- ", "1. ", "| ", "=", ":", "/", "@"]
TRICKS = [
    "<!channel>",
    "<@U012345>",
    "@channel",
    "[approve here](https://evil.example/x)",
    "https://evil.example/x",
    "www.evil.example",
    "<https://evil.example|the run's page>",
    "\n\n# Merged",
    "\n- **approve**: done",
    "\n```\ncode\n```\n",
    "\n| a | b |\n| --- | --- |\n",
    "<b>bold</b>",
    "&lt;!channel&gt;",
    "![shot](https://evil.example/pixel.png)",
    "@\u200bchannel",
    "\u202eegnahc",
    "snake_case_name __init__ _x_",
    "a\\",
    "\ud800\x00\x1b[31m",
]
OUTSIDE = st.lists(st.sampled_from([*SIGNS, *TRICKS, "a", "B", "\n", " "]) | st.text(max_size=5), max_size=12).map(
    "".join
)


def every(text: str) -> list[Message]:
    """Return a message of each event in which all that comes from outside says the same."""
    about = Subject(run="r", title=text, repository=text, pipeline=text, link=RUN, pull_request=PULL)
    at = datetime(2030, 1, 1, tzinfo=UTC)
    failure = Failure.model_construct(kind=FailureKind.AGENT, message=text, step=f"a{text}", at=at)
    return [
        waiting(about, "architect 1", text, text, {text: text, f"{text} too": text}),
        settled(about, "architect 1", text, Settlement(who=text, choice=text, comment=f".{text}", seconds=60)),
        escalated(about, "architect 1", text, text, 60),
        failed(about, 1, failure),
        delivered(about, 1, DeliveryStatus.DONE, f".{text}"),
    ]


def linked(link: str, pull_request: str = "") -> Message:
    about = Subject(run="r", title="t", repository="shop", pipeline="bugfix", link=link, pull_request=pull_request)
    return delivered(about, 1, DeliveryStatus.DONE)


def tokens(markdown: str) -> list[Token]:
    return [inner for block in MARKDOWN.parse(markdown) for inner in [block, *(block.children or [])]]


def structure(markdown: str) -> list[str]:
    """Return what a reader of Markdown makes of a text, without its words."""
    silent = {"text", "text_special", "inline"}
    return [f"{one.type} {one.attrGet('href') or ''}" for one in tokens(markdown) if one.type not in silent]


def words(markdown: str) -> str:
    """Return what a reader sees of one line."""
    return "".join(one.content for one in tokens(markdown) if one.type in {"text", "text_special", "code_inline"})


@given(OUTSIDE)
@example("".join(TRICKS))
def test_nothing_from_outside_changes_what_a_message_is_made_of(text: str) -> None:
    for plain, nasty in zip(every("x"), every(f"x{text}x"), strict=True):
        assert structure(nasty.text) == structure(plain.text)
        assert len(nasty.title.splitlines()) == 1
        outside = nasty.text.replace(RUN, "").replace(PULL, "")
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|@\w|://|(?i:www\.)", outside)
        nasty.model_dump_json().encode()


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_alone_works(trick: str) -> None:
    for plain, nasty in zip(every("x"), every(trick), strict=True):
        kept = [one for one in structure(nasty.text) if not one.startswith("strong")]
        assert kept == [one for one in structure(plain.text) if not one.startswith("strong")]


@given(OUTSIDE)
def test_outside_text_reads_as_it_was_written(text: str) -> None:
    seen = words(f"x{shown(text, 10_000)}").replace("\u2060", "")
    visible = "".join(sign for sign in text if sign.isspace() or sign.isprintable() or sign in seen)
    assert seen == f"x{' '.join(visible.split())}"


def test_names_in_code_are_left_readable() -> None:
    assert shown("test_cart.py::test_total is red, see a.b-c (12:30)") == (
        "test_cart.py::test_total is red, see a.b-c (12:30)"
    )


def test_secrets_are_redacted_wherever_they_stand() -> None:
    hidden = TOKEN[:9] + "\u200b" + TOKEN[9:]
    for message in [*every(TOKEN), *every(f"x {hidden} x")]:
        assert "aB3d" not in message.model_dump_json()
        assert MASK.strip("[]") in message.text
    address = f"https://deploy:p4ss-w0rd@forge.example/{TOKEN}"
    made = linked(address, address)
    assert "p4ss" not in made.model_dump_json()
    assert "aB3d" not in made.model_dump_json()


def test_messages_stay_short() -> None:
    for message in every("<word> " * 5_000):
        assert len(message.title) < 1_000
        assert len(message.text) < 12_000
        assert "…" in message.text


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://x.example/a?b=c&d=1#e", "https://x.example/a?b=c&d=1#e"),
        ("http://[::1]:4200/runs", "http://[::1]:4200/runs"),
        ("file:///tmp/a b/(1).md", "file:///tmp/a%20b/%281%29.md"),
        ("https://x.example/%20", "https://x.example/%20"),
        ("https://x.example/a) [b](https://evil.example", "https://x.example/a%29%20[b]%28https://evil.example"),
        ("https://x.example/<!channel>|x", "https://x.example/%3C!channel%3E%7Cx"),
    ],
)
def test_an_address_becomes_one_link(address: str, link: str) -> None:
    message = linked(address)
    assert message.link == link
    links = [one.attrGet("href") for one in tokens(message.text) if one.type == "link_open"]
    assert len(links) == 1
    assert not re.search(r"[<>\s]", link)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "/tmp/pull.md", "data:text/html,x", "slack://open", "https://"]
)
def test_an_address_of_another_sort_is_text(address: str) -> None:
    message = linked(address)
    assert message.link == ""
    assert not [one for one in tokens(message.text) if one.type == "link_open"]
    assert words(message.text.rpartition("\n\n")[2]).replace("\u2060", "") == f"run: {address}"


def test_what_is_not_known_leaves_no_link() -> None:
    message = linked("", " ")
    assert message.link == ""
    assert message.text.endswith("Read what the steps produced.")
