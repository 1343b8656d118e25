# Each target sets up what it needs by itself; all it asks for is python3.11, git and make.
PYTHON ?= python3.11
UV := .uv/bin/uv
RUN := .venv/bin/python
# Compiled once: each process of a run, a server or a test would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
# A team's installation; deployments/.env has its address and the group of the Docker socket.
COMPOSE := docker compose --project-name delivery --file deployments/compose.yaml --env-file deployments/.env
# Tests of containers count what the one engine has, so they run by themselves.
CONTAINERS := tests/integration/docker
TEST := --numprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

.PHONY: secrets up down backup restore
.PHONY: triggers setup demo run serve test check acceptance upkeep bench chaos conformance waiting installation team ui images escapes schemas clean

setup: .venv/ready ## install exactly what uv.lock names, and prepare a server's database

.venv/ready: pyproject.toml uv.lock
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
	UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --locked --quiet --compile-bytecode --python $(PYTHON)
	rm -f .venv/prefect.db
	PREFECT_HOME=.venv/prefect PREFECT_API_DATABASE_CONNECTION_URL="sqlite+aiosqlite:///$(CURDIR)/.venv/prefect.db" \
	  .venv/bin/prefect server database upgrade --yes >/dev/null
	touch .venv/ready

demo: setup ## watch a work item go to a verified merge, keyless; AGENT=claude-code: by a real agent in a container
	$(RUN) -m $(if $(AGENT),bench.agent_demo $(AGENT),deployments.demo)

run: setup ## your own repository: make run PIPELINE=tech-debt REPO=path/to/repository
	.venv/bin/delivery run $(PIPELINE) $(REPO) $(ARGS)

serve: setup ## one machine: server, worker, recovery of lost runs and escalation, until Ctrl-C
	.venv/bin/delivery up $(ARGS)

ui: setup ## look at earlier runs of `make run`
	.venv/bin/delivery ui

test: setup ## every test; each process has a server of its own
	$(RUN) -m bench.docker_engine egress tests
	$(RUN) -m pytest $(TEST) --ignore $(CONTAINERS)
	$(RUN) -m pytest --durations 5 $(CONTAINERS)

check: setup ## lint, types, import contracts, tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/lint-imports
	$(MAKE) test

acceptance: setup ## DATA=file.jsonl: rows of small bugs, fixed honestly and attacked
	$(RUN) -m bench.acceptance --data $(DATA)

upkeep: setup ## tech-debt on two well-known packages from the package index
	$(RUN) -m bench.upkeep

bench: setup ## cost of orchestration beside bare Prefect
	$(RUN) -m bench.steps

chaos: setup ## kill everything everywhere; POINTS=n takes n random points, SEED=number the same again, REST=1 goes on
	$(RUN) -m bench.chaos $(if $(POINTS),--points $(POINTS)) $(if $(SEED),--seed $(SEED)) $(if $(REST),--rest)

conformance: setup ## the agents' real programs, behaviour by behaviour, against a scripted model; AGENT_PROGRAMS=folders
	$(RUN) -m bench.conformance $(ARGS)

waiting: setup ## what waiting runs hold, and how soon an answered one goes on, beside bare Prefect
	$(RUN) -m bench.waiting

team: setup ## the way of an issue through a team's installation, with GitHub, Slack and a model on this machine
	$(RUN) -m bench.team

installation: setup ## 50 work items at once through a team's installation, beside bare Prefect; ARGS="--items 5 50"
	$(RUN) -m bench.installation $(ARGS)

secrets: ## draw the secrets of a team's installation into deployments/secrets: HOST=delivery.example.org
	deployments/compose/secrets.sh deployments/secrets $(HOST)

up: ## start or upgrade a team's installation
	$(COMPOSE) up --detach --remove-orphans \
	  || { $(COMPOSE) logs --tail 5 prefect-schema bootstrap; exit 1; }

down: ## end a team's installation; its data stay
	$(COMPOSE) --profile slack --profile tools down

backup: ## save both databases and the journal into deployments/backups, while everything runs
	$(COMPOSE) --profile tools run --rm backup

restore: ## FROM=name of a backup; everything but PostgreSQL ends before
	$(COMPOSE) --profile slack stop proxy receiver slack janitor worker prefect-server prefect-services
	$(COMPOSE) --profile tools run --rm restore /backups/$(FROM)

triggers: setup ## deliveries in a burst while the server and the receiver are killed, beside emit_event
	$(RUN) -m bench.triggers $(ARGS)

images: ## images of the Docker sandbox: make images TARGETS="egress tests claude-code"
	deployments/images/build.sh $(TARGETS)

escapes: setup ## attempts to get out of a Docker sandbox, and what stopped each
	$(RUN) -m bench.escapes

schemas: setup ## write docs/*.schema.json anew
	$(RUN) -m deployments.export_schemas

clean:
	rm -rf .venv .uv .delivery
