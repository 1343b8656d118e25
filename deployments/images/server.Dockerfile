# Every service of a team's installation: Prefect's server, workers, receiver, connector, janitor, command line.
#   docker build -f deployments/images/server.Dockerfile -t prefect-delivery-server:0.1.0 .
# BASE has Debian's libc and python3, 3.11 or later, with venv and pip. EXTRA names further packages, such as
# prefect-docker for a Docker work pool or what your agents' blocks need.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build
RUN python3 -m venv /opt/uv \
 && PIP_CERT=/etc/ssl/certs/ca-certificates.crt /opt/uv/bin/pip install --no-cache-dir "uv>=0.9,<1"
WORKDIR /srv/delivery
ENV UV_PROJECT_ENVIRONMENT=/srv/venv UV_NATIVE_TLS=1 UV_LINK_MODE=copy
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --locked --no-dev --no-cache --compile-bytecode --no-install-project --python "$(command -v python3)"
COPY . .
RUN /opt/uv/bin/uv sync --locked --no-dev --no-cache --compile-bytecode --python "$(command -v python3)"
ARG EXTRA=""
RUN [ -z "$EXTRA" ] \
 || /opt/uv/bin/uv pip install --no-cache --compile-bytecode --python /srv/venv/bin/python \
    "prefect==3.8.8" "fastapi<0.151" "sqlalchemy<2.1" $EXTRA

FROM ${BASE}
RUN command -v git >/dev/null \
 || (apt-get update && apt-get install -y --no-install-recommends git ca-certificates && rm -rf /var/lib/apt/lists/*)
RUN groupadd --gid 10001 delivery && useradd --uid 10001 --gid 10001 --create-home delivery \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/delivery
COPY --from=build /srv /srv
# Clients trust what BASE trusts, such as a certificate authority of your own, instead of a list of their own.
ENV PATH=/srv/venv/bin:$PATH PYTHONUNBUFFERED=1 HOME=/home/delivery SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 10001:10001
WORKDIR /home/delivery
ENTRYPOINT ["python", "-m", "deployments.entry"]
CMD ["delivery", "--help"]
