"""A team's installation with every process of its own: work is delivered, saved, lost, brought back, and goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import cast

import pytest
from prefect.client.orchestration import get_client
from sqlalchemy import create_engine, inspect, text

from bench.installation_scene import ROOT, Installation, installation
from bench.installation_work import deliver, furnish, items, lost_updates
from deployments.health import answers, services_live

CHECKED = ("prefect_password", "delivery_password", "redis_password", "prefect_auth", "encryption_key")


@pytest.mark.timeout(900)  # two dozen processes start, some of them twice
def test_work_is_delivered_saved_lost_and_brought_back(tmp_path: Path):
    with installation(tmp_path / "home", workers=0) as made:
        furnish(made)
        worker = made.worker()
        work = items(2, "before")
        carried = deliver(work)
        assert [run.state_name for run in carried.runs] == ["Merged", "Merged"]
        assert lost_updates(made.home, work, carried) == 0
        _is_closed_to_strangers_and_tells_its_health(made)

        saved = _backup(made, tmp_path / "backups")
        before = {name: _rows(made, name) for name in ("delivery", "prefect")}
        records = _records(made)
        refused = _script("restore.sh", made, saved)
        assert refused.returncode == 1
        assert "end everything but PostgreSQL first" in refused.stderr

        for service in (worker, made.services, made.server):
            service.stop()
        _lose(made)
        restored = _script("restore.sh", made, saved)
        assert restored.returncode == 0, restored.stderr
        assert {name: _rows(made, name) for name in before} == before
        assert _records(made) == records

        for service in (made.services, made.server):
            service.start()
        made.await_server()
        with get_client(sync_client=True) as client:
            known = {str(run.id): run.state_name for run in client.read_flow_runs()}
        assert all(known[str(run.id)] == "Merged" for run in carried.runs)
        made.worker()
        later = items(1, "after")
        assert [run.state_name for run in deliver(later).runs] == ["Merged"]
        _shows_no_secret(made, saved)


def _is_closed_to_strangers_and_tells_its_health(made: Installation) -> None:
    assert answers(f"{made.api}/ready")
    assert not answers(f"{made.api}/hello"), "without the credential"
    url = f"redis://:{made.redis.password}@{made.redis.host}:{made.redis.port}"
    assert services_live(f"{url}/1")
    assert not services_live(f"{url}/7"), "nobody is there"


def _environment(made: Installation) -> dict[str, str]:
    password = made.home / "superuser"
    password.write_text(str(made.database.password))
    return {
        "PATH": os.environ["PATH"],
        "PGHOST": str(made.database.host),
        "PGPORT": str(made.database.port),
        "PGUSER": "postgres",
        "PGPASSWORD_FILE": str(password),
        "DELIVERY_HOME": str(made.home),
    }


def _script(name: str, made: Installation, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "deployments" / name), *map(str, arguments)]
    return subprocess.run(command, env=_environment(made), capture_output=True, text=True, check=False)


def _backup(made: Installation, folder: Path) -> Path:
    folder.mkdir()
    done = _script("backup.sh", made, folder)
    assert done.returncode == 0, done.stderr
    saved = Path(done.stdout.strip())
    assert {one.name for one in saved.iterdir()} == {"delivery.dump", "prefect.dump", "home.tar.gz", "SHA256SUMS"}
    assert [one.name for one in folder.iterdir()] == [saved.name], "nothing unfinished is left"
    return saved


def _rows(made: Installation, database: str) -> dict[str, int]:
    engine = create_engine(made.own_database(database))
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        # What a server writes by itself while it runs.
        still = [one for one in tables if not one.startswith(("event", "log", "worker", "csrf", "work_"))]
        counts = {one: connection.execute(text(f'SELECT count(*) FROM "{one}"')).scalar_one() for one in still}
    engine.dispose()
    assert any(counts.values())
    return cast(dict[str, int], counts)


def _records(made: Installation) -> set[str]:
    return {str(one.relative_to(made.home)) for one in (made.home / "journal").rglob("*.json")}


def _lose(made: Installation) -> None:
    """What a lost disk or a wrong hand takes away."""
    for database, table in (("delivery", "outcomes"), ("prefect", "flow_run")):
        engine = create_engine(made.own_database(database))
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {table} CASCADE"))
            connection.execute(text("CREATE TABLE of_a_later_release (id int)"))
        engine.dispose()
    shutil.rmtree(made.home / "journal")


def _shows_no_secret(made: Installation, saved: Path) -> None:
    """No secret stands in Prefect's database or in a log in plain text."""
    dump = subprocess.run(["pg_restore", "--file", "-", str(saved / "prefect.dump")], capture_output=True, check=True)
    texts = {"the database": dump.stdout.decode()}
    texts |= {one.name: one.read_text() for one in (made.home / "services").glob("*.log")}
    assert "flow_run" in texts["the database"]
    for name in CHECKED:
        assert [where for where, said in texts.items() if made.secret(name) in said] == [], name
