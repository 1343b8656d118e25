"""Settings of hypothesis for every test: no clock decides, and a build's result is the same each time."""

import os

from hypothesis import settings

pytest_plugins = ["tests.installation"]

settings.register_profile("delivery", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("delivery")
