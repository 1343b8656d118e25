"""A set-up of a fresh server from a document: what it makes, that it makes it once, and where no secret ends up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from typer.testing import CliRunner

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.errors import Misconfigured
from deployments.bootstrap import REGISTRY, ROOT, deploy, set_up
from deployments.command_line import app
from deployments.installation.inventory import differences, read_inventory
from deployments.server import local_server

pytestmark = pytest.mark.timeout(600)  # a server of its own starts, and every deployment is applied several times
LEDGER, TOKEN, KEY = "ledger-p4ssw0rd-q8", "tok3n-of-a-forge-x1", "k3y-of-a-model-z7"
DOCUMENT = """
work_pools:
  - name: delivery
    concurrency_limit: 4
    queues: [{name: urgent, priority: 1, concurrency_limit: 2}]
limits: [{name: forge, limit: 3}]
variables: {team: shop}
paused: [recover/every-minute]
blocks:
  - block: ledger/main
    fields: {url: "postgresql+psycopg://delivery:${file:SECRETS/ledger}@127.0.0.1:1/delivery"}
  - block: command-agent/main
    fields: {command: ["true"], environment: {KEY: "${env:TEST_MODEL_KEY}", TOKEN: "${file:SECRETS/token}"}}
automations:
  - name: note a crash
    trigger: {type: event, posture: Reactive, expect: [prefect.flow-run.Crashed], threshold: 1, within: 0}
    actions: [{type: do-nothing}]
"""


@dataclass(frozen=True)
class Fresh:
    home: Path
    document: Path
    first: list[str]
    second: list[str]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fresh]:
    home = tmp_path_factory.mktemp("fresh")
    (home / "ledger").write_text(f"{LEDGER}\n")
    (home / "token").write_text(TOKEN)
    document = home / "installation.yaml"
    document.write_text(DOCUMENT.replace("SECRETS", str(home)))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DELIVERY_HOME", str(home))
        environment.setenv("TEST_MODEL_KEY", KEY)
        environment.setenv("PREFECT_SERVER_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        with local_server(home / "server"):
            yield Fresh(home, document, set_up(home, document), set_up(home, document))


def test_the_first_run_makes_what_the_document_says(fresh: Fresh):
    wanted = {
        "made work pool 'delivery'",
        "made work queue 'delivery/urgent'",
        "made limit 'forge'",
        "made variable 'team'",
        "made automation 'note a crash'",
        "made block 'ledger/main'",
        "made block 'command-agent/main'",
        "made block 'delivery-journal/main'",
        "made deployment 'build/on-demand'",
        "made deployment 'recover/every-minute'",
    }
    assert wanted <= set(fresh.first)
    with get_client(sync_client=True) as client:
        assert client.read_work_pool("delivery").concurrency_limit == 4
        assert client.read_deployment_by_name("recover/every-minute").paused
        assert not client.read_deployment_by_name("escalate/every-five-minutes").paused
        queues = {one.name: (one.priority, one.concurrency_limit) for one in client.read_work_queues("delivery")}
        assert queues["urgent"] == (1, 2)


def test_the_second_run_changes_nothing(fresh: Fresh):
    assert fresh.second == []


def test_applying_the_registry_alone_wakes_what_rests_and_then_changes_nothing(fresh: Fresh):
    assert fresh.home
    before = read_inventory()
    deploy(ROOT / REGISTRY)
    once = read_inventory()
    assert differences(before, once) == ["changed deployment 'recover/every-minute': paused"]
    deploy(ROOT / REGISTRY)
    assert differences(once, read_inventory()) == []


def test_secrets_reach_the_block_and_nothing_else(fresh: Fresh):
    assert LEDGER in load("ledger/main", Ledger, fresh=True).url.get_secret_value()
    files = [file for file in (fresh.home / "server").rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in files)
    assert any(file.suffix == ".log" for file in files)
    assert any(b"note a crash" in file.read_bytes() for file in files), "plain text is found where it is"
    for secret in (LEDGER, TOKEN, KEY):
        assert [str(file) for file in files if secret.encode() in file.read_bytes()] == []
        assert not [line for line in fresh.first if secret in line]


def test_what_was_changed_by_hand_is_brought_back_and_said(fresh: Fresh):
    with get_client(sync_client=True) as client:
        client.update_work_pool("delivery", WorkPoolUpdate(concurrency_limit=9))
        agent = client.read_block_document_by_name("main", "command-agent").id
        edit = {"data": {"command": ["false"]}}
        client.request("PATCH", "/block_documents/{id}", path_params={"id": agent}, json=edit)
    runner = CliRunner()
    said = runner.invoke(app, ["bootstrap", str(fresh.document)])
    assert said.exit_code == 0, said.output
    assert said.output.splitlines() == [
        "changed block 'command-agent/main': command",
        "changed deployment 'recover/every-minute': paused",
        "changed work pool 'delivery': concurrency_limit",
    ]
    assert runner.invoke(app, ["bootstrap", str(fresh.document)]).output == "nothing has changed\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("work_pools: [{name: delivery, concurency_limit: 3}]", "work_pools.0.concurency_limit"),
        ("variables: {token: '${env:TEST_MODEL_KEY}'}", "fields of blocks only, not in variables.token"),
        ("work_pools: [{name: delivery, description: '${env:TEST_MODEL_KEY}'}]", "fields of blocks only"),
        ("blocks: [{block: command-agent/x, fields: {command: ['${env:TEST_MODEL_KEY}']}}]", "read by everybody"),
        ("blocks: [{block: ledger/x, fields: {url: '${file:/nowhere/secret}'}}]", "'/nowhere/secret' cannot be read"),
        ("blocks: [{block: ledger/x, fields: {url: '${env:TEST_NOT_SET}'}}]", "'TEST_NOT_SET' is not set"),
        ("blocks: [{block: ledger/x, fields: {link: a}}]", "link"),
        ("blocks: [{block: no-such/x}]", "no block type 'no-such'"),
        ("work_pools: [{name: delivery, type: kubernetes}]", "is of type 'process'"),
        ("paused: [simple/never]", "no deployment 'simple/never'"),
        ("- a list", "does not describe an installation"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_without_a_secret_in_the_message(fresh: Fresh, text: str, said: str):
    file = fresh.home / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        set_up(fresh.home, file)
    told = f"{refused.value.message}\n{refused.value.detail}"
    assert said in told
    assert KEY not in told


def test_a_container_gets_its_secrets_from_files(tmp_path: Path):
    (tmp_path / "password").write_text("s3cret\n")
    command = [sys.executable, "-m", "deployments.entry", sys.executable, "-c", "import os; print(os.environ['URL'])"]
    environment = {**os.environ, "URL": f"redis://:${{file:{tmp_path}/password}}@redis"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "redis://:s3cret@redis\n"
    environment["URL"] = "${file:/nowhere/password}"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("URL: the secret '/nowhere/password' cannot be read (No such file or directory);")
