from __future__ import annotations

import base64
import subprocess
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.integration.installation.proxied import FOLDER, proxy

ADA = ("ada", "a long pass phrase")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxy")


@pytest.fixture(scope="module")
def client(folder: Path) -> Generator[httpx.Client]:
    with proxy(folder) as client:
        _admit(folder, *ADA)
        yield client


def _admit(folder: Path, name: str, password: str) -> subprocess.CompletedProcess[str]:
    command = [FOLDER / "person.sh", folder / "secrets", name]
    return subprocess.run(command, input=f"{password}\n", capture_output=True, text=True, check=False)


def test_the_api_wants_a_name_and_a_password(client: httpx.Client):
    assert client.get("/api/flows").status_code == 401
    assert client.get("/api/flows", auth=("ada", "a wrong pass phrase")).status_code == 401
    assert client.get("/api/flows", auth=("eve", ADA[1])).status_code == 401
    assert client.get("/api/flows", auth=ADA).status_code == 200


def test_who_was_let_in_goes_on_with_the_servers_own_credential(client: httpx.Client, folder: Path):
    seen = client.get("/api/flows", auth=ADA).json()
    own = base64.b64encode((folder / "secrets/prefect_auth").read_bytes()).decode()
    assert seen["authorization"] == f"Basic {own}"
    assert seen["x-forwarded-proto"] == "https"
    assert " ada " in (folder / "access.log").read_text()


def test_signed_webhooks_come_through_without_a_name(client: httpx.Client):
    seen = client.post("/webhooks/github", content=b"{}", headers={"X-Hub-Signature-256": "sha256=0"})
    assert seen.json()["path"] == "/webhooks/github"
    assert seen.json()["x-hub-signature-256"] == "sha256=0"
    assert client.post("/webhooks/github", content=b"x" * 1_200_000).status_code == 413


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/metrics"])
def test_what_nobody_needs_is_not_there(client: httpx.Client, path: str):
    assert client.get(path, auth=ADA).status_code == 404


def test_pages_are_files_that_carry_no_credential(client: httpx.Client):
    seen = client.get("/dashboard", auth=ADA)
    assert seen.status_code == 200
    assert "authorization" not in seen.json()
    assert seen.headers["x-frame-options"] == "DENY"
    assert client.post("/dashboard").status_code == 403


def test_a_new_password_replaces_the_old_one_while_the_proxy_runs(client: httpx.Client, folder: Path):
    assert _admit(folder, "grace", "the first pass phrase").returncode == 0
    assert _admit(folder, "grace", "the second pass phrase").returncode == 0
    assert client.get("/api/flows", auth=("grace", "the first pass phrase")).status_code == 401
    assert client.get("/api/flows", auth=("grace", "the second pass phrase")).status_code == 200
    assert client.get("/api/flows", auth=ADA).status_code == 200
    assert _admit(folder, "gr.ce", "another pass phrase").returncode == 0
    assert _admit(folder, "gr.ce", "one more pass phrase").returncode == 0
    assert client.get("/api/flows", auth=("grace", "the second pass phrase")).status_code == 200
    assert _admit(folder, "grace", "short").returncode == 1
    assert _admit(folder, "a:b", "a long pass phrase").returncode == 1


def test_secrets_are_made_once(folder: Path):
    before = {file.name: file.read_bytes() for file in (folder / "secrets").iterdir()}
    subprocess.run([FOLDER / "secrets.sh", folder / "secrets"], check=True)
    assert {file.name: file.read_bytes() for file in (folder / "secrets").iterdir()} == before
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
