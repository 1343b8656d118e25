"""deployments/compose.yaml is read by Compose itself and held to rules; so are the files of Kubernetes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import jsonschema
import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs] - it brings none
import pytest
import yaml
from prefect.utilities.templating import apply_values, find_placeholders

from deployments.installation.document import read_installation
from deployments.installation.references import refers
from deployments.installation.secret_documents import make
from deployments.server import CLIENT_SETTINGS, SERVER_SETTINGS

FOLDER = Path(__file__).resolve().parents[3] / "deployments"
Service = dict[str, Any]
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH_STRING|ENCRYPTION_KEY|_URL$")
ADDRESS = re.compile(r"https?://[^@]*")


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The file as Compose reads it, with its variables in place."""
    program = shutil.which("docker-compose")
    assert program, "Compose is not installed; install the package 'docker-compose'"
    secrets = tmp_path_factory.mktemp("compose") / "secrets"
    subprocess.run([FOLDER / "compose/secrets.sh", secrets], check=True)
    variables = {"DELIVERY_URL": "https://example.org", "DOCKER_GROUP": "990", "DELIVERY_SECRETS": str(secrets)}
    command = [program, "--file", str(FOLDER / "compose.yaml"), "config"]
    read = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    return yaml.safe_load(read.stdout)


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    return compose["services"]


def test_everything_that_a_team_needs_is_there(services: dict[str, Service]):
    running = {"postgres", "redis", "prefect-server", "prefect-services", "proxy", "receiver", "janitor", "worker"}
    assert running | {"slack", "prefect-schema", "bootstrap"} <= set(services)
    assert services["worker"]["deploy"]["replicas"] == 2
    assert "--no-services" in services["prefect-server"]["command"]
    assert services["prefect-services"]["command"] == ["prefect", "server", "services", "start"]


def test_every_image_is_pinned(services: dict[str, Service]):
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert re.match(r"\d+\.\d+", tag), f"{name}: {service['image']}"
        assert "build" not in service


def test_every_service_is_contained_and_looked_after(services: dict[str, Service]):
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].partition(":")[0] not in {"", "0", "root"}, name
        assert "privileged" not in service, name
        ends = service["restart"] == "no"
        assert ends == (service["healthcheck"]["test"] == ["NONE"]), name
        assert ends or service["mem_limit"], name


def test_only_the_proxy_can_be_reached_and_what_keeps_data_reaches_nobody(compose: dict[str, Any]):
    services: dict[str, Service] = compose["services"]
    assert [name for name, one in services.items() if one.get("ports")] == ["proxy"]
    assert not [name for name, one in services.items() if "network_mode" in one]
    assert compose["networks"]["inside"]["internal"]
    outside = {name for name, one in services.items() if "outside" in one["networks"]}
    assert outside == {"proxy", "slack", "janitor", "worker", "delivery"}


def test_whoever_reads_the_journal_or_prepares_sandboxes_has_the_shared_folder(services: dict[str, Service]):
    shared = {"janitor", "worker", "slack", "bootstrap", "backup", "restore"}
    there = {name for name, one in services.items() if _mounts(one).get("/var/lib/delivery") == "/var/lib/delivery"}
    assert there >= shared
    for name in ("janitor", "worker"):
        assert "/var/run/docker.sock" in _mounts(services[name])
        assert services[name]["environment"]["TMPDIR"].startswith("/var/lib/delivery/")


def test_redis_is_the_process_that_gets_the_signal(services: dict[str, Service]):
    assert "exec redis-server" in " ".join(services["redis"]["entrypoint"])


def _mounts(service: Service) -> dict[str, str]:
    """Places in the container, and what of the host is there; releases of Compose print texts or mappings."""
    found: dict[str, str] = {}
    for one in service.get("volumes", []):
        source, target = one.split(":")[:2] if isinstance(one, str) else (one.get("source"), one["target"])
        found[target] = str(source)
    return found


def test_no_secret_stands_in_a_variable_or_on_a_command_line(services: dict[str, Service]):
    named = 0
    for name, service in services.items():
        for variable, value in cast(dict[str, str], service.get("environment", {})).items():
            text = str(value).replace("$$", "$")
            if SECRET.search(variable) and not ADDRESS.fullmatch(text):
                assert refers(text) or text.startswith("/run/secrets/"), f"{name}: {variable}"
                named += 1
        words = " ".join([*service.get("command", []), *service.get("entrypoint", [])])
        assert "password=" not in words.lower(), name
    assert named > 10


def test_a_service_has_the_secrets_that_it_names_and_no_other(services: dict[str, Service]):
    kept_for_files = {"postgres", "proxy", "bootstrap"}  # what they read is named in other files
    for name, service in services.items():
        given = {one["source"] for one in service.get("secrets", [])}
        named = set(re.findall(r"/run/secrets/(\w+)", json.dumps(service)))
        assert named <= given, name
        assert given <= named or name in kept_for_files, name


def test_the_example_of_an_installation_makes_blocks_of_secrets_that_bootstrap_has(
    services: dict[str, Service], tmp_path: Path
):
    text = (FOLDER / "installation.yaml").read_text()
    given = {one["source"] for one in services["bootstrap"]["secrets"]}
    named = set(re.findall(r"/run/secrets/([a-z_]+)", text))
    assert named <= given
    for name in named:
        (tmp_path / name).write_text("a-secret")
    commented = re.sub(r"^( +)# (?=channel:|- block|  )", r"\1", text, flags=re.MULTILINE)
    assert "slack-channel/main" in yaml.safe_load(commented)["blocks"][-1].values()
    file = tmp_path / "installation.yaml"
    for example in (text, commented):
        file.write_text(example.replace("/run/secrets/", f"{tmp_path}/"))
        wanted = read_installation(file)
        made = [make(document) for document in wanted.blocks]
        assert len(made) == len(wanted.blocks) > 5
        assert wanted.work_pools[0].concurrency_limit


def test_server_and_clients_have_the_settings_of_this_project(services: dict[str, Service]):
    leases = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    for name in ("prefect-server", "prefect-services"):
        environment: dict[str, str] = services[name]["environment"]
        assert {**environment, leases: SERVER_SETTINGS[leases]}.items() >= SERVER_SETTINGS.items(), name
        assert environment["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"
        assert environment["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "https://example.org"
    csrf = "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED"
    wanted = {variable: value for variable, value in CLIENT_SETTINGS.items() if variable != csrf}
    for name in ("worker", "receiver", "janitor", "bootstrap", "slack"):
        assert services[name]["environment"].items() >= wanted.items(), name
        assert csrf not in services[name]["environment"], "the server demands it"


def test_a_job_of_kubernetes_is_one_that_kubernetes_takes():
    template = json.loads((FOLDER / "kubernetes/job-template.json").read_text())
    jsonschema.Draft202012Validator.check_schema(template["variables"])
    used = {one.name for one in find_placeholders(template["job_configuration"])}
    assert used == set(template["variables"]["properties"])
    defaults = {name: one["default"] for name, one in template["variables"]["properties"].items() if "default" in one}
    values = {**defaults, "name": "run", "labels": {"a": "b"}, "env": [{"name": "A", "value": "b"}], "command": ["x"]}
    job = cast(dict[str, Any], apply_values(template["job_configuration"]["job_manifest"], values))
    assert "{{" not in json.dumps(job)
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    kubernetes_validate.validate(job, "1.30", strict=True)


def test_values_of_the_charts_hold_no_secret_and_the_settings_of_compose():
    server = yaml.safe_load((FOLDER / "kubernetes/values-server.yaml").read_text())
    worker = yaml.safe_load((FOLDER / "kubernetes/values-worker.yaml").read_text())
    settings = {one["name"]: one["value"] for one in server["global"]["prefect"]["env"]}
    leases = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    assert {**settings, leases: SERVER_SETTINGS[leases]}.items() >= SERVER_SETTINGS.items()
    assert not [name for name in settings if SECRET.search(name)]
    assert server["server"]["basicAuth"] == {"enabled": True, "existingSecret": "prefect-server-keys"}
    assert server["backgroundServices"]["runAsSeparateDeployment"]
    assert worker["worker"]["selfHostedServerApiConfig"]["basicAuth"]["existingSecret"] == "prefect-server-keys"
    for values in (server["global"]["prefect"]["image"], worker["worker"]["image"]):
        assert values["prefectTag"].startswith("3.8.8-")
