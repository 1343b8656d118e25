"""A table of source that has nothing to hide, as features bring it."""

import pytest

from contracts.integrity.forgery import forgeries

BASE = "import os\nimport sys\n\n\ndef total(values):\n    return sum(values)\n"

ORDINARY = {
    "a program": "import argparse\n\ndef main():\n    argparse.ArgumentParser().parse_args(sys.argv[1:])\n"
    '    sys.exit(0)\n\n\nif __name__ == "__main__":\n    sys.exit(main())',
    "a guard with more": 'if __name__ == "__main__" and sys.argv:\n    sys.exit(1)',
    "equality": "class A:\n    def __eq__(self, other):\n        return isinstance(other, A) and self.a == other.a",
    "equality that declines": "class A:\n    def __eq__(self, other):\n        if not isinstance(other, A):\n"
    "            return NotImplemented\n        return self.a == other.a",
    "equality by cases": "class A:\n    def __eq__(self, other):\n        if other is None:\n            return False\n"
    "        return True",
    "no equality": "class A:\n    def __lt__(self, other):\n        raise TypeError(other)",
    "a protocol": "class A:\n    def __eq__(self, other): ...",
    "emptiness": "class A:\n    def __bool__(self):\n        return bool(self.items)",
    "writes inside": "def save(path, text):\n    with open(path, 'w') as file:\n        file.write(text)",
    "writes a path inside": "def save(path, text):\n    path.write_text(text)",
    "processes inside": "import subprocess\n\ndef run():\n    subprocess.run(['git'], check=True)",
    "a handler": "import signal\n\ndef main():\n    signal.signal(15, stop)",
    "stops a child": "def stop(child):\n    os.kill(child.pid, 15)",
    "reads": "with open('a') as file:\n    A = file.read()",
    "reads bytes": "A = open('a', 'rb').read()",
    "reads a path": "from pathlib import Path\nA = Path('a').read_text()",
    "a plugin loader": "import importlib\n\ndef load(name):\n    return importlib.import_module(name)",
    "a known import": "import importlib\nyaml = importlib.import_module('yaml')",
    "an optional import": "try:\n    import yaml\nexcept ImportError:\n    yaml = None",
    "a loaded module": "def loaded(cls):\n    return sys.modules[cls.__module__], sys.modules.get('numpy')",
    "its own module": "def own():\n    return sys.modules[__name__]",
    "compiles an expression": "import re\nA = re.compile('a')",
    "evaluates a model": "model.eval()",
    "a literal": "import ast\n\ndef read(text):\n    return ast.literal_eval(text)",
    "an attribute of its own": "class A:\n    pass\n\nA.b = 1\ntotal.unit = 'cent'",
    "an attribute of its package": "from .app import app\napp.debug = True",
    "an environment": "os.environ['LANG'] = 'C'",
    "a thread inside": "import threading\n\ndef start():\n    threading.Thread(target=print).start()",
    "a docstring": 'def check():\n    """Run pytest on tests/ and write junit.xml."""',
    "a remark": "# os._exit(0) in tests/conftest.py\n",
    "an attribute's docstring": 'A = 1\n"""What tests/ hold."""',
    "latest": "A = 'https://example.com/latest/contests/'",
    "a test of something": "A = {'test': 1, 'contest': 2}",
    "an exception's cause": "def f(error):\n    raise ValueError from error.__cause__",
    "a traceback": "import traceback\n\ndef show():\n    traceback.print_exc()",
    "a signature": "import inspect\n\ndef names(f):\n    return list(inspect.signature(f).parameters)",
    "a dynamic attribute": "def read(settings, name):\n    return getattr(settings, name)",
    "a level": "import logging\n\ndef level(name):\n    return getattr(logging, name)",
    "a decorated command": "import click\nimport subprocess\n\n@click.command()\ndef run():\n    subprocess.run(['a'])",
    "a registered command": "import click\n\ndef run():\n    sys.exit()\n\nclick.group().add_command(run)",
    "the platform": "WINDOWS = sys.platform == 'win32'\nHOME = os.environ.get('HOME')\nEMPTY = os.path.join('a', 'b')",
    "replaces a text": "A = 'a'.replace('a', 'b')",
}  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_source(text: str) -> None:
    changed = f"{BASE}\n\n{text}\n"
    assert forgeries({"shop/cart.py": BASE}, {"shop/cart.py": changed}) == []
    assert forgeries({}, {"shop/cart.py": changed}) == []
