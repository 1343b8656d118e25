"""Tables of source that turns on the run that judges it, and of source that only looks like it."""

import pytest

from contracts.integrity.forgery import forgeries
from contracts.integrity.tampering import UNREADABLE_TEXT, Change

BASE = '"""A cart."""\n\nimport os\nimport sys\n\n\ndef total(values):\n    return sum(values)\n'


def whys(text: str, base: str | None = BASE, path: str = "shop/cart.py") -> list[str]:
    """Return what a change of one file is found to do."""
    return [one.why for one in forgeries({path: base}, {path: text})]


AT_IMPORT = {
    "exit": "sys.exit(0)",
    "exit by another name": "from sys import exit as leave\nleave(0)",
    "exit by assignment": "leave = sys.exit\nleave(0)",
    "exit in a tuple": "leave, stay = sys.exit, None\nleave(0)",
    "quit": "quit()",
    "SystemExit": "raise SystemExit",
    "SystemExit with a code": "raise SystemExit(0)",
    "in an if": "if sys.version_info > (3,):\n    sys.exit()",
    "in an else of the guard": 'if __name__ == "__main__":\n    pass\nelse:\n    sys.exit()',
    "behind a guard that always holds": '__name__ = "__main__"\nif __name__ == "__main__":\n    sys.exit()',
    "in a class": "class A:\n    sys.exit()",
    "in a default": "def f(x=sys.exit()):\n    pass",
    "in a function that is called": "def f():\n    sys.exit()\n\nf()",
    "two calls deep": "def f():\n    sys.exit()\n\ndef g():\n    f()\n\ng()",
    "in a method of an instance": "class A:\n    def go(self):\n        sys.exit()\n\nA().go()",
    "in a constructor": "class A:\n    def __init__(self):\n        sys.exit()\n\na = A()",
    "in a lambda": "(lambda: sys.exit())()",
    "mapped": "def f(x):\n    sys.exit()\n\nlist(map(f, [1]))",
    "mapped itself": "list(map(sys.exit, [0]))",
    "decorated by what calls": "def now(f):\n    f()\n    return f\n\n@now\ndef g():\n    sys.exit()",
    "in a hook of subclasses": "class A:\n    def __init_subclass__(cls):\n        sys.exit()\n\nclass B(A):\n    pass",
    "in a finalizer": "class A:\n    def __del__(self):\n        open(sys.argv[1], 'w')",
    "in the module's __getattr__": "def __getattr__(name):\n    sys.exit()",
    "signal": "import signal\nsignal.signal(15, print)",
    "exec of a program": 'os.execv("/bin/true", ["true"])',
    "fork": "os.fork()",
    "writes a file": 'open("a", "w")',
    "appends by a named mode": 'open("a", mode="ab")',
    "an unknown mode": "open('a', MODE)",
    "writes by a path": "from pathlib import Path\nPath('a').write_text('')",
    "opens a path": "from pathlib import Path\nPath('a').open('w')",
    "removes": "os.remove('a')",
    "copies": "import shutil\nshutil.copy('a', 'b')",
    "subprocess": "import subprocess\nsubprocess.run(['true'])",
    "system": "os.system('true')",
    "a thread": "import threading\nthreading.Thread(target=print).start()",
    "a computed import": "import importlib\nimportlib.import_module(NAME)",
    "pickle": "import pickle\npickle.loads(DATA)",
    "patches a module": "import json\njson.dumps = None",
    "patches a class": "from pathlib import Path\nPath.exists = lambda self: True",
    "patches by setattr": "import json\nsetattr(json, 'dumps', None)",
    "deletes": "import json\ndel json.dumps",
    "patches a namespace": "import json\njson.__dict__['dumps'] = None",
    "patches by vars": "import json\nvars(json)['dumps'] = None",
    "the arguments": "print(sys.argv)",
    "the path": "sys.path.insert(0, 'quiet')",
    "the path by slice": "sys.path[:0] = ['quiet']",
}
INSIDE = {
    "_exit": "os._exit(0)",
    "_exit by another name": "from os import _exit as leave\n    leave(0)",
    "_exit by getattr": "getattr(os, '_exit')(0)",
    "_exit by parts of a name": "getattr(os, '_ex' + 'it')(0)",
    "a computed name": "getattr(os, name)(0)",
    "_exit by import": "__import__('os')._exit(0)",
    "_exit through sys.modules": "sys.modules['os']._exit(0)",
    "posix": "import posix",
    "a star": "from os import *",
    "abort": "os.abort()",
    "kills itself": "os.kill(os.getpid(), 9)",
    "kills its parent": "os.kill(os.getppid(), 9)",
    "kills its group": "os.kill(0, 9)",
    "raises a signal": "import signal\n    signal.raise_signal(9)",
    "atexit": "import atexit\n    atexit.register(print)",
    "pytest": "import pytest",
    "pytest inside": "from _pytest import runner",
    "pytest by name": "__import__('pytest').skip()",
    "unittest": "from unittest.case import SkipTest",
    "skips": "raise SkipTest('later')",
    "tests": "from tests import helpers",
    "a test module": "import shop.tests.test_cart",
    "conftest": "import conftest",
    "the main module": "import __main__",
    "a hook": "def pytest_runtest_call(item):\n        pass",
    "the frame": "sys._getframe(1)",
    "the frame by inspect": "import inspect\n    inspect.currentframe()",
    "the stack": "from inspect import stack\n    stack()",
    "the stack by traceback": "import traceback\n    traceback.extract_stack()",
    "a frame of a traceback": "error.__traceback__.tb_frame",
    "locals of a frame": "frame.f_locals",
    "a trace": "sys.settrace(print)",
    "objects": "import gc\n    gc.get_objects()",
    "referrers": "from gc import get_referrers",
    "a computed module": "sys.modules.get(name)",
    "builtins of a builtin": "print.__self__.exec(text)",
    "a finalizer": "import weakref\n    weakref.finalize(f, print)",
    "writes sys.modules": "sys.modules['json'] = None",
    "goes through sys.modules": "for module in sys.modules.values():\n        pass",
    "an import hook": "sys.meta_path.insert(0, finder)",
    "builtins": "import builtins\n    builtins.print = None",
    "builtins by setattr": "import builtins\n    setattr(builtins, 'print', None)",
    "exec": "exec(text)",
    "exec by another name": "run = exec\n    run(text)",
    "exec of builtins": "import builtins\n    builtins.exec(text)",
    "eval": "return eval(text)",
    "compile": "compile(text, '', 'exec')",
    "marshal": "import marshal",
    "code objects": "import types\n    types.FunctionType(code, {})",
    "a function's code": "f.__code__ = g.__code__",
    "globals of a function": "f.__globals__['check'] = None",
    "ctypes": "import ctypes",
    "faulthandler": "import faulthandler",
    "pickle of a constant": "import pickle\n    pickle.loads(b'cos\\n_ex')",
    "the report": "open('junit.xml')",
    "the report in parts": "open('ju' + 'nit.xml')",
    "the report in a formatted text": "f'{place}/junit{number}.xml'",
    "the test of the moment": "os.environ['PYTEST_CURRENT_TEST']",
    "test files": "return 'tests/test_cart.py'",
    "the folder of tests": "Path('tests')",
    "a pattern of tests": "place.glob('test_*.py')",
    "a case of a report": "return '<testcase name=\"a\"/>'",
    "whether pytest runs": "'pytest' in sys.modules",
}
ANSWERS = {
    "always true": "class A:\n    def __eq__(self, other):\n        return True",
    "never different": "class A:\n    def __ne__(self, other):\n        return False",
    "by a lambda": "class A:\n    __eq__ = lambda self, other: True",
    "by a function": "def yes(self, other):\n    return True\n\nclass A:\n    __eq__ = yes",
    "in a dictionary": "A = type('A', (), {'__eq__': lambda self, other: True})",
    "by a keyword": "A = type('A', (), dict(__eq__=lambda self, other: True))",
    "assigned": "class A:\n    pass\n\ndef patch():\n    A.__eq__ = yes",
    "twice": "class A:\n    def __eq__(self, other):\n        if other:\n            return True\n        return True",
    "or True": "class A:\n    def __eq__(self, other):\n        return self.a == other or True",
    "not False": "class A:\n    def __eq__(self, other):\n        return not False",
    "of itself": "class A:\n    def __eq__(self, other):\n        return other == other",
    "without the other": "class A:\n    def __eq__(self, other):\n        return bool(self.yes)",
    "truth": "class A:\n    def __bool__(self):\n        return True",
    "less": "class A:\n    def __lt__(self, other):\n        return True",
    "kind": "class M(type):\n    def __instancecheck__(cls, one):\n        return True",
}


@pytest.mark.parametrize("text", AT_IMPORT.values(), ids=AT_IMPORT)
def test_what_runs_at_import(text: str) -> None:
    assert whys(f"{BASE}\n\n{text}\n")


DEPENDING = ("in a", "in the", "decorated", "guard", "deep", "patches a class")
INERT = [text for name, text in AT_IMPORT.items() if not any(word in name for word in DEPENDING)]


@pytest.mark.parametrize("text", INERT, ids=lambda text: text[:30])
def test_the_same_inside_a_function_that_nobody_calls_is_ordinary(text: str) -> None:
    indented = "\n".join(f"    {line}" for line in text.splitlines())
    assert whys(f"{BASE}\n\ndef run(self):\n{indented}\n") == []
    guarded = f'{BASE}\n\nif __name__ == "__main__":\n{indented}\n'
    assert whys(guarded) == []


@pytest.mark.parametrize("text", INSIDE.values(), ids=INSIDE)
def test_what_is_found_everywhere(text: str) -> None:
    assert whys(f"{BASE}\n\ndef run():\n    {text}\n")


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS)
def test_answers_that_depend_on_nothing(text: str) -> None:
    assert whys(f"{BASE}\n\n{text}\n")


def test_only_what_is_used_more_often_is_new() -> None:
    used = f"{BASE}\n\ndef stop():\n    os._exit(1)\n"
    assert whys(used.replace("total", "amount"), used) == []
    assert whys(f"# moved\n\n\n{used}", used) == []
    assert whys(f"{used}    os._exit(2)\n", used) == ["'os._exit' was put to use, which can end the run that judges it"]
    assert whys(f"{used}\n\nstop()\n", used) == ["'os._exit' was put to use, which can end the run that judges it"]
    assert whys(BASE, used) == []


def test_the_hunk_shows_the_last_new_use() -> None:
    (found,) = forgeries({"a.py": BASE}, {"a.py": f"{BASE}\n\ndef stop():\n    os._exit(7)\n"})
    assert (found.path, found.change, found.blocks) == ("a.py", Change.NEUTERED, True)
    assert "+    os._exit(7)" in found.hunk


def test_a_program_may_exit_where_it_is_one() -> None:
    assert whys("import sys\nsys.exit(main())\n", None, "shop/__main__.py") == []
    assert whys("import os\nos._exit(0)\n", None, "shop/__main__.py")


def test_a_moved_file_is_the_same_under_its_name_only() -> None:
    text = "import os\nos._exit(0)\n"
    assert forgeries({"a/stop.py": text, "b/stop.py": None}, {"a/stop.py": None, "b/stop.py": text}) == []
    assert forgeries({"a/stop.py": text, "b/cart.py": None}, {"a/stop.py": None, "b/cart.py": text})


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("shop/cart.pyc", UNREADABLE_TEXT, True),
        ("shop/cart.cpython-311-x86_64-linux-gnu.so", UNREADABLE_TEXT, True),
        ("cart.pyd", "x", True),
        ("zzz.pth", "import os", True),
        ("shop/cart.py", UNREADABLE_TEXT, True),
        ("shop/cart.py", "x" * 1_000_001, True),
        ("shop/cart.py", "quiet/cart.txt", True),
        ("shop/cart.py", "../quiet.txt", True),
        ("shop/cart.py", "# coding: utf-7\n+AGEAIAA9ACAAMQ-", True),
        ("shop/cart.py", "\ufeffimport os\nos._exit(0)\n", True),
        ("shop/cart.py", "import os\nos．_ｅxit(0)\n".replace("．", "."), True),
        ("shop/cart.py", "def (\n", False),
        ("shop/cart.py", "def (\nos._exit(0)\n", True),
        ("shop/cart.py", "", False),
        ("shop/cart.py", None, False),
        ("setup.py", "import os\nos._exit(0)\n", True),
        ("conftest.py", "import pytest\n", False),
        ("tests/test_cart.py", "import pytest\n", False),
        ("test_cart.py", "import pytest\n", False),
        ("README.md", "import pytest\n", False),
        ("shop/cart.js", "process.exit(0)\n", False),
        ("logo.png", UNREADABLE_TEXT, False),
    ],
)
def test_files(path: str, text: str | None, found: bool) -> None:
    assert bool(forgeries({}, {path: text})) is found


def test_compiled_files_that_changed_and_unreadable_bases() -> None:
    assert forgeries({"a.so": UNREADABLE_TEXT}, {"a.so": UNREADABLE_TEXT})
    assert forgeries({"a.so": UNREADABLE_TEXT}, {"a.so": None}) == []
    assert forgeries({"a.py": UNREADABLE_TEXT}, {"a.py": "import pytest\n"})
    assert forgeries({"a.py": "def ("}, {"a.py": "import pytest\n"})
    assert forgeries({"a.py": "pytest ("}, {"a.py": "pytest ( x"}) == []
