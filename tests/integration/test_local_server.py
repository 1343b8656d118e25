"""What a server on this machine and its clients are spared."""

from __future__ import annotations

import os
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_SSL_CERT_FILE

from deployments import server
from deployments.server import database_file, free_port, pointed_at


def test_clients_without_tls_load_one_root_and_so_do_the_processes_they_start(tmp_path: Path):
    with pointed_at(f"http://127.0.0.1:{free_port()}/api", tmp_path):
        file = PREFECT_API_SSL_CERT_FILE.value()
        assert os.environ["PREFECT_API_SSL_CERT_FILE"] == file
    assert len(ssl.create_default_context(cafile=file).get_ca_certs()) == 1


@pytest.mark.parametrize("address", ["https://127.0.0.1:4200/api", "http://delivery.example.org/api"])
def test_clients_of_another_machine_keep_every_root(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_SSL_CERT_FILE", raising=False)  # as a server of these tests has set it
    before = PREFECT_API_SSL_CERT_FILE.value()
    with pointed_at(address, tmp_path):
        assert before == PREFECT_API_SSL_CERT_FILE.value()
        assert "PREFECT_API_SSL_CERT_FILE" not in os.environ


def test_a_new_home_begins_with_the_migrated_database_and_an_old_one_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    migrated = tmp_path / "migrated.db"
    with closing(sqlite3.connect(migrated)) as database:
        database.execute("create table begun (here)")
    monkeypatch.setattr(server, "_MIGRATED", migrated)
    (old := tmp_path / "old").mkdir()
    (old / "prefect.db").write_bytes(b"of its own")
    assert database_file(tmp_path / "new").read_bytes() == migrated.read_bytes()
    assert database_file(old).read_bytes() == b"of its own"
