from shop import basket


def test_no_code_changes_nothing():
    assert basket([5.00, 2.50]) == 7.50


def test_a_code_takes_its_share_off():
    assert basket([10.00, 30.00], code="SAVE25") == 30.00


def test_equal_items_are_discounted_once():
    assert basket([19.90, 19.90], code="SAVE10") == 35.82


def test_an_unknown_code_is_worth_nothing():
    assert basket([8.00], code="FREE") == 8.00
