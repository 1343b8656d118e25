"""A secret of a document goes into a field that keeps secrets, and into no message."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from deployments.installation.document import Document
from deployments.installation.secret_documents import make

KEY = "-----BEGIN KEY-----\nq8-p4ssw0rd\n-----END KEY-----\n"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "key").write_text(KEY)
    return f"${{file:{tmp_path / 'key'}}}"


def test_a_path_is_read_by_everybody_too(secret: str) -> None:
    with pytest.raises(Misconfigured, match="can be read by everybody"):
        make(Document(block="delivery-journal/main", fields={"folder": f"/srv/{secret}"}))


def test_a_secret_of_several_lines_is_hidden_where_a_message_quotes_it(secret: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        make(Document(block="github-forge/main", fields={"base_url": secret, "token": "x"}))
    assert "no address" in caught.value.detail
    assert "p4ssw0rd" not in f"{caught.value.message}{caught.value.detail}"
