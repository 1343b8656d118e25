"""Where the ledger is by default, and what of its URL may be shown."""

from __future__ import annotations

import socket
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, create_engine, text

from blocks.ledger import Ledger
from contracts.errors import DeliveryError, Misconfigured, Unavailable

SECRET = "pa55-%2F-w0rd"


def everything_raised(error: BaseException) -> str:
    """Return what a log may show of an error: its parts, and every error before it, hidden or not."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.args)
    if isinstance(error, DeliveryError):
        shown += error.message + error.detail
    for link in (error.__cause__, error.__context__):
        shown += "" if link is None else everything_raised(link)
    return shown


def test_the_default_is_a_file_in_the_delivery_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DELIVERY_HOME", str(tmp_path / "home"))
    assert Ledger().url.get_secret_value() == f"sqlite:///{tmp_path}/home/ledger.db"
    monkeypatch.delenv("DELIVERY_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    ledger = Ledger()
    assert ledger.url.get_secret_value() == f"sqlite:///{tmp_path}/.local/share/prefect-delivery/ledger.db"
    assert ledger.live() == []
    assert (tmp_path / ".local/share/prefect-delivery/ledger.db").exists()
    ledger.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "not an absolute path"),
        ("sqlite:///ledger.db", "'ledger.db' is not an absolute path"),
        ("mysql://u:pa55-%2F-w0rd@h/db", "starts with 'mysql'; write sqlite"),
        ("postgresql://u:pa55-%2F-w0rd@h/db", r"starts with 'postgresql'; write .*postgresql\+psycopg"),
        ("postgresql+psycopg://u:pa55-%2F-w0rd@h:pa55-%2F-w0rd/db", "cannot be read"),
        ("pa55-%2F-w0rd", "cannot be read"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_showing_it(url: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as caught:
        Ledger(url=SecretStr(url)).live()
    assert "w0rd" not in everything_raised(caught.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match=r"directory '.*file/deep' cannot be created .*DELIVERY_HOME"):
        Ledger(url=SecretStr(f"sqlite:///{tmp_path}/file/deep/ledger.db")).live()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(Unavailable, match=r"ledger 'sqlite:///.*ledger.db' did not answer; check"):
        Ledger(url=SecretStr(f"sqlite:///{tmp_path}/ledger.db")).live()


def test_an_unreachable_server_is_reported_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        address = f"postgresql+psycopg://u:{SECRET}@127.0.0.1:{port}/db?password={SECRET}"
        ledger = Ledger(url=SecretStr(address))
        with caplog.at_level(0), pytest.raises(Unavailable) as caught:
            ledger.claim("one", "r1", "shop", "build", limit=None)
    shown = f"postgresql+psycopg://u@127.0.0.1:{port}/db"
    assert f"the ledger {shown!r} did not answer; check that the database runs" in str(caught.value)
    assert "refused" in caught.value.detail
    for text_shown in (everything_raised(caught.value), repr(ledger), str(ledger), caplog.text):
        assert "w0rd" not in text_shown


def test_a_wrong_password_is_reported_without_it(postgres_url: URL) -> None:
    wrong = postgres_url.set(password="wrong-w0rd")
    with pytest.raises(Unavailable, match="user and password") as caught:
        Ledger(url=SecretStr(wrong.render_as_string(hide_password=False))).migrate()
    assert "password authentication failed" in caught.value.detail
    assert "w0rd" not in everything_raised(caught.value)


def test_a_user_without_rights_is_a_matter_of_configuration(postgres_url: URL) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {postgres_url.database}_user LOGIN PASSWORD 'w0rd'"))
    engine.dispose()
    limited = postgres_url.set(username=f"{postgres_url.database}_user", password="w0rd")
    with pytest.raises(Misconfigured, match="check the rights of its user") as caught:
        Ledger(url=SecretStr(limited.render_as_string(hide_password=False))).migrate()
    assert "permission denied" in caught.value.detail
    assert "w0rd" not in everything_raised(caught.value)
