"""Names of modules that a test run imports, so that a new module of such a name would take their place."""

from __future__ import annotations

import sys

TEST_TOOLS: frozenset[str] = sys.stdlib_module_names | {
    "_hypothesis_ftz_detector", "_hypothesis_globals", "_hypothesis_pytestplugin", "_pytest", "aiounittest", "allure",
    "allure_commons", "allure_pytest", "anyio", "approvaltests", "asgi_lifespan", "assertpy", "asynctest", "attr",
    "attrs", "coverage", "covdefaults", "ddt", "diff_cover", "doctestplus", "exceptiongroup", "execnet",
    "faker", "fakeredis", "freezegun", "hamcrest", "httpretty", "hypothesis",
    "icdiff", "iniconfig", "inline_snapshot", "junit_xml", "junitparser", "mock", "mockito", "model_bakery", "moto",
    "mutmut", "nbmake", "nbval", "nose", "nose2", "nox", "packaging", "parameterized", "pluggy", "polyfactory",
    "pprintpp", "py", "pyfakefs", "pygments", "pytest", "pytest_aiohttp", "pytest_asyncio", "pytest_bdd",
    "pytest_benchmark", "pytest_check", "pytest_clarity", "pytest_cov", "pytest_datadir", "pytest_django",
    "pytest_docker", "pytest_env", "pytest_examples", "pytest_factoryboy", "pytest_flask", "pytest_forked",
    "pytest_freezer", "pytest_github_actions_annotate_failures", "pytest_html", "pytest_httpserver", "pytest_httpx",
    "pytest_icdiff", "pytest_instafail", "pytest_json_report", "pytest_lazy_fixtures", "pytest_localserver",
    "pytest_metadata", "pytest_mock", "pytest_mypy_plugins", "pytest_order", "pytest_parallel", "pytest_picked",
    "pytest_postgresql", "pytest_profiling", "pytest_qt", "pytest_randomly", "pytest_recording", "pytest_regressions",
    "pytest_repeat", "pytest_rerunfailures", "pytest_retry", "pytest_socket", "pytest_split", "pytest_subprocess",
    "pytest_subtests", "pytest_sugar", "pytest_timeout", "pytest_tornasync", "pytest_trio", "pytest_twisted",
    "pytest_vcr", "pytest_xdist", "pytest_xprocess", "pytestqt", "requests_mock", "respx", "responses",
    "schemathesis", "sitecustomize", "snapshottest", "sortedcontainers", "sybil", "syrupy", "tavern",
    "testcontainers", "testfixtures", "testinfra", "testtools", "time_machine", "tomli", "tox", "trio", "typeguard",
    "unittest2", "usercustomize", "vcr", "virtualenv", "xdist", "xdoctest", "xmlrunner", "zope",
}  # fmt: skip
"""The standard library, test tools and their plugins, and what those are made of."""

DISTRIBUTIONS: frozenset[str] = frozenset({
    "OpenSSL", "PIL", "_cffi_backend", "_distutils_hack", "_virtualenv", "_yaml", "aiofiles", "aiohttp", "aiosignal",
    "alembic", "annotated_types", "appdirs", "argcomplete", "asgiref", "asyncpg", "atomicwrites", "babel", "backoff",
    "backports", "bcrypt", "billiard", "bleach", "blinker", "boto3", "botocore", "bs4", "cachetools", "cattr",
    "cattrs", "celery", "certifi", "cffi", "chardet", "charset_normalizer", "click", "cloudpickle", "colorama",
    "colorlog", "contextlib2", "cryptography", "cython", "dask", "dateutil", "defusedxml",
    "deprecation", "dill", "distlib", "django", "dns", "docker", "docutils", "dotenv", "editables",
    "email_validator", "fastapi", "fastjsonschema", "filelock", "flask", "frozenlist", "fsspec", "gevent",
    "gitdb", "google", "greenlet", "grpc", "h11", "h2", "hatchling", "html5lib", "httpcore", "httplib2", "httptools",
    "httpx", "humanize", "idna", "importlib_metadata", "importlib_resources", "IPython", "isodate",
    "itsdangerous", "jaraco", "jinja2", "jmespath", "joblib", "jsonpointer", "jsonschema", "jwt", "keyring", "kombu",
    "lazy_object_proxy", "loguru", "lxml", "mako", "markdown", "markdown_it", "markupsafe", "marshmallow",
    "matplotlib", "mdurl", "more_itertools", "mpmath", "msgpack", "multidict", "mypy", "mypy_extensions", "networkx",
    "numpy", "oauthlib", "opentelemetry", "orjson", "pandas", "paramiko", "parso", "pathlib2", "pathspec", "pbr",
    "peewee", "pendulum", "pexpect", "pip", "pkg_resources", "platformdirs", "plotly", "polars", "prettytable",
    "prometheus_client", "prompt_toolkit", "propcache", "psutil", "psycopg", "psycopg2", "ptyprocess", "pyarrow",
    "pyasn1", "pycparser", "pydantic", "pydantic_core", "pydantic_settings", "pymongo", "pymysql", "pyparsing",
    "pyrsistent", "pyspark", "pythonjsonlogger", "pytz", "pywintypes", "redis", "referencing", "regex", "requests",
    "requests_oauthlib", "requests_toolbelt", "rich", "rpds", "rsa", "ruamel", "s3transfer", "scandir", "scipy",
    "sentry_sdk", "setproctitle", "setuptools", "setuptools_scm", "shellingham", "simplejson", "six", "skimage",
    "sklearn", "slugify", "smmap", "sniffio", "soupsieve", "sphinx", "sqlalchemy", "sqlparse", "starlette", "structlog",
    "sympy", "tabulate", "tblib", "tenacity", "tensorflow", "termcolor", "threadpoolctl", "toml", "tomli_w", "tomlkit",
    "toolz", "torch", "tornado", "tqdm", "traitlets", "twisted", "typer", "typing_extensions", "typing_inspect",
    "typing_inspection", "tzdata", "tzlocal", "ujson", "uritemplate", "urllib3", "uvicorn", "uvloop", "watchdog",
    "watchfiles", "wcwidth", "webencodings", "websocket", "websockets", "werkzeug", "wheel", "wrapt", "xmltodict",
    "yaml", "yarl", "zipp", "zmq",
})  # fmt: skip
"""Well-known distributions, which tests and their tools import as well."""
