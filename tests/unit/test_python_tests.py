"""Tables of changes to Python tests: what was done, and what it is called."""

from textwrap import dedent

import pytest

from contracts.integrity.tampering import Change, Tampering, classify

BEFORE = dedent('''
    """Tests of the cart."""
    import pytest
    from unittest import TestCase
    from shop import Cart, total

    RATES = [1, 2]

    @pytest.fixture
    def cart():
        return Cart()

    def priced(price):
        return Cart([price])

    def test_total(cart):
        """The sum."""
        cart.add(3)
        amount = total(cart)
        assert amount == 3
        assert len(cart) == 1

    @pytest.mark.parametrize("price", [1, 2])
    def test_price(price):
        assert total(priced(price)) == price

    def test_refusal():
        with pytest.raises(ValueError, match="price"):
            priced(-1)

    async def test_order():
        assert await Cart().order() is True

    class TestCart:
        limit = 3

        def test_limit(self):
            for price in RATES:
                assert price < self.limit

    class CartCase(TestCase):
        def test_empty(self):
            self.assertEqual(total(Cart()), 0)
            self.assertFalse(Cart())
''')

ASSERT_AMOUNT = "    assert amount == 3\n"
TOTAL = "def test_total(cart):\n"


def python(before: str, after: str) -> list[Tampering]:
    """Return what becomes of one module."""
    return classify({"tests/test_cart.py": before}, {"tests/test_cart.py": after})


def edited(old: str, new: str) -> list[Tampering]:
    """Return what becomes of the module when one place is replaced, which must exist once."""
    assert BEFORE.count(old) == 1
    return python(BEFORE, BEFORE.replace(old, new))


def changes(found: list[Tampering]) -> set[Change]:
    """Return what was found, without its place."""
    return {tampering.change for tampering in found}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ASSERT_AMOUNT, "    # the sum\n    assert (amount\n        == 3)\n"),
        ('"""The sum."""', '"""The sum of a cart with one price."""'),
        ("    amount = total(cart)\n    assert amount == 3\n", "    sum_ = total(cart)\n    assert sum_ == 3\n"),
    ],
)
def test_form_is_not_meaning(old: str, new: str) -> None:
    assert [(t.change, t.name, t.blocks) for t in edited(old, new)] == [(Change.EQUIVALENT, "", False)]


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (ASSERT_AMOUNT, ASSERT_AMOUNT + "    assert amount > 2\n", "test_total"),
        (ASSERT_AMOUNT, ASSERT_AMOUNT + "    other = total(cart)\n    assert other == amount\n", "test_total"),
        (ASSERT_AMOUNT, "    assert amount == 3 and cart.open\n", "test_total"),
        (ASSERT_AMOUNT, '    assert amount == 3, "the sum"\n', "test_total"),
        ("test_total(cart)", "test_total(cart, caplog)", "test_total"),
        ("(cart) == 1\n", "(cart) == 1\n    amount = total(cart)\n    assert amount == 7\n", "test_total"),
        ('"price", [1, 2]', '"price", [1, 2, 3]', "test_price"),
        ("< self.limit\n", "< self.limit\n            assert price > 0\n", "TestCart.test_limit"),
        ("self.assertFalse(", "self.assertIsNotNone(Cart())\n        self.assertFalse(", "CartCase.test_empty"),
    ],
)  # fmt: skip
def test_more_checks_strengthen(old: str, new: str, name: str) -> None:
    assert [(t.change, t.name) for t in edited(old, new)] == [(Change.STRENGTHENED, name)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ASSERT_AMOUNT, ""),
        (ASSERT_AMOUNT, "    assert amount\n"),
        (ASSERT_AMOUNT, "    assert True\n"),
        (ASSERT_AMOUNT, "    assert amount == amount\n"),
        (ASSERT_AMOUNT, "    assert amount == 3 or True\n"),
        (ASSERT_AMOUNT, "    assert amount == 4\n"),
        (ASSERT_AMOUNT, "    assert amount == pytest.approx(3)\n"),
        (ASSERT_AMOUNT, "    if amount:\n        assert amount == 3\n"),
        (ASSERT_AMOUNT, "    try:\n        assert amount == 3\n    except AssertionError:\n        pass\n"),
        (ASSERT_AMOUNT, "    amount = 3\n    assert amount == 3\n"),
        (ASSERT_AMOUNT, "    cart.amount = 3\n    assert amount == 3\n"),
        (ASSERT_AMOUNT, "    assert setattr(cart, 'n', 1) is None\n    assert amount == 3\n"),
        ("    cart.add(3)\n", ""),
        ("test_total(cart)", "test_total(cart, monkeypatch)"),
        ('"price", [1, 2]', '"price", [1, 3]'),
        ('@pytest.mark.parametrize("price", [1, 2])\n', ""),
        ("pytest.raises(ValueError", "pytest.raises(Exception"),
        (', match="price"', ""),
        ("        priced(-1)\n", "        assert False\n        priced(-1)\n"),
        ("        priced(-1)\n", "        priced(-1)\n    priced = None\n"),
        ("        self.assertFalse(Cart())\n", ""),
        ("self.assertEqual(total(Cart()), 0)", "self.assertTrue(total(Cart()) == 0)"),
        ("return Cart([price])", "return Cart([])"),
        ("from shop import Cart, total", "from shop import Cart\nfrom fake import total"),
        ("from shop import Cart, total", "from shop import Cart, total\nfrom fake import *"),
        ("class CartCase(TestCase)", "class CartCase(object)"),
        ("RATES = [1, 2]", "RATES = [1, 2]\nRATES.clear()"),
        ("RATES = [1, 2]", "RATES = [1, 2]\ndef total(cart): return 3"),
        ("RATES = [1, 2]", "RATES = [1, 2]\nlen = lambda cart: 1"),
        ("RATES = [1, 2]", "RATES = [1, 2]\n_ = setattr(Cart, 'add', print)"),
        ("RATES = [1, 2]", "RATES = [1, 2]\n@pytest.fixture(autouse=True)\ndef quiet(): yield"),
        ("RATES = [1, 2]", "RATES = [1, 2]\n@pytest.fixture(name='cart')\ndef other(): return 3"),
        ("RATES = [1, 2]", "RATES = [1, 2]\ndef setup_module(): Cart.add = print"),
        ("limit = 3", "limit = 3\n    def setup_method(self): self.limit = 9"),
        ("    def test_empty", "    def assertEqual(self, *a): pass\n    def test_empty"),
        ("    def test_empty", "    def run(self, result=None): pass\n    def test_empty"),
        ("RATES = [1, 2]", "RATES = ["),
    ],
)  # fmt: skip
def test_less_than_before_is_weakened(old: str, new: str) -> None:
    assert Change.WEAKENED in changes(edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (TOTAL, "@pytest.mark.skip\n" + TOTAL, "test_total"),
        (TOTAL, "@pytest.mark.skipif(True, reason='slow')\n" + TOTAL, "test_total"),
        ("    cart.add(3)\n", "    pytest.skip('later')\n    cart.add(3)\n", "test_total"),
        ("    cart.add(3)\n", "    pytest.importorskip('numpy')\n    cart.add(3)\n", "test_total"),
        ("    cart.add(3)\n", "    return\n    cart.add(3)\n", "test_total"),
        ("    cart.add(3)\n", "    if cart:\n        return\n    cart.add(3)\n", "test_total"),
        ("    assert len(cart) == 1\n", "    assert len(cart) == 1\n    yield\n", "test_total"),
        ("< self.limit\n", "< self.limit\n            break\n", "TestCart.test_limit"),
        ("async def test_order", "def test_order", "test_order"),
        ("class TestCart:", "@pytest.mark.skip\nclass TestCart:", "TestCart"),
        ("    limit = 3", "    pytestmark = pytest.mark.skip\n    limit = 3", "TestCart"),
        (
            "        self.assertEqual(",
            "        self.skipTest('later')\n        self.assertEqual(",
            "CartCase.test_empty",
        ),
        ("RATES = [1, 2]", "RATES = [1, 2]\npytestmark = pytest.mark.skip", ""),
        ("RATES = [1, 2]", "RATES = [1, 2]\npytest.skip('x', allow_module_level=True)", ""),
    ],
)
def test_what_no_longer_runs_is_skipped(old: str, new: str, name: str) -> None:
    found = [t for t in edited(old, new) if t.change is not Change.DELETED]
    assert (found[0].change, found[0].name, found[0].blocks) == (Change.SKIPPED, name, True)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("def test_total", "def check_total", "test_total"),
        ("class TestCart:", "class Carts:", "TestCart.test_limit"),
        (TOTAL, "if False:\n  " + TOTAL, "test_total"),
        ("class TestCart:", "del test_total\n\nclass TestCart:", ""),
        ("class TestCart:", "test_total = None\n\nclass TestCart:", ""),
        ("class TestCart:", "collect_ignore = ['test_cart.py']\n\nclass TestCart:", ""),
        ("    limit = 3", "    __test__ = False\n    limit = 3", "TestCart"),
        ("    limit = 3", "    def __init__(self): pass\n    limit = 3", "TestCart"),
        ("class CartCase", "TestCart.__test__ = False\n\nclass CartCase", ""),
    ],
)
def test_what_is_not_collected_is_deleted(old: str, new: str, name: str) -> None:
    found = edited(old, new)
    assert (Change.DELETED, name) in [(t.change, t.name) for t in found]


def test_a_later_definition_of_the_same_name_is_the_one_that_counts() -> None:
    found = python(BEFORE, BEFORE + "\ndef test_total():\n    assert True\n")
    assert [(t.change, t.name) for t in found] == [(Change.WEAKENED, "test_total")]


def test_a_removed_skip_strengthens() -> None:
    skipped = BEFORE.replace(TOTAL, "@pytest.mark.skip\n" + TOTAL)
    assert [(t.change, t.name) for t in python(skipped, BEFORE)] == [(Change.STRENGTHENED, "test_total")]


def test_a_case_that_is_now_left_out_is_skipped() -> None:
    found = edited('"price", [1, 2]', '"price", [1, pytest.param(2, marks=pytest.mark.skip)]')
    assert [(t.change, t.name) for t in found] == [(Change.SKIPPED, "test_price")]


def test_new_tests_helpers_and_imports_are_added() -> None:
    more = "import math\nfrom shop import Order\n\n@pytest.fixture\ndef order():\n    return Order()\n\n"
    more += "def test_order_total(order):\n    assert order.total == math.pi\n\n"
    more += "class TestOrder:\n    def test_it(self): pass\n"
    found = python(BEFORE, BEFORE + more)
    assert [(t.change, t.name) for t in found] == [
        (Change.ADDED, "test_order_total"),
        (Change.ADDED, "TestOrder.test_it"),
    ]


def test_a_method_may_be_added_below_a_base_of_the_same_module_that_has_no_such_test() -> None:
    before = "class Base:\n    def test_a(self):\n        assert f()\nclass TestX(Base):\n    limit = 1\n"
    assert changes(python(before, before + "    def test_b(self):\n        pass\n")) == {Change.ADDED}
    assert changes(python(before, before + "    def test_a(self):\n        pass\n")) == {Change.WEAKENED}


def test_a_method_added_to_a_class_of_unknown_descent_may_replace_an_inherited_test() -> None:
    before = "class TestX(Shared):\n    def test_a(self):\n        assert f()\n"
    after = before + "    def test_b(self):\n        pass\n"
    assert changes(python(before, after)) == {Change.WEAKENED}
    assert changes(python(before.replace("Shared", "APITestCase"), after.replace("Shared", "APITestCase"))) == {
        Change.ADDED
    }


@pytest.mark.parametrize(
    "text",
    ["pytest_plugins = ['evil']\n", "import sys\nsys.modules['shop'] = None\n", "import shop\nshop.total = print\n"],
)
def test_a_new_module_may_not_reach_into_others(text: str) -> None:
    found = classify({}, {"tests/test_new.py": text + "def test_it():\n    assert True\n"})
    assert changes(found) == {Change.NEUTERED}
