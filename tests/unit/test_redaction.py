import base64
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import contracts
from contracts.redaction import MASK, redact

DIGITS, LETTERS = "0123456789" * 20, "aB3dE5gH7jK9" * 20
JWT = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890"}', b"a signature of thirty-two bytes!")
)


def key_block(name: str) -> str:
    return f"-----BEGIN {name}-----\n{LETTERS[:64]}\n{LETTERS[5:69]}\n-----END {name}-----"


SECRETS = {
    "github classic": f"ghp_{LETTERS[:36]}",
    "github app": f"ghs_{LETTERS[:36]}",
    "github longer": f"gho_{LETTERS[:60]}",
    "github fine-grained": f"github_pat_{LETTERS[:22]}_{LETTERS[:59]}",
    "gitlab": f"glpat-{LETTERS[:20]}",
    "aws": f"AKIA{'ABCD2345' * 2}",
    "openai": f"sk-{LETTERS[:48]}",
    "openai project": f"sk-proj-{LETTERS[:48]}",
    "anthropic": f"sk-ant-api03-{LETTERS[:40]}",
    "slack bot": f"xoxb-{DIGITS[:12]}-{DIGITS[:13]}-{LETTERS[:24]}",
    "slack user": f"xoxp-{DIGITS[:12]}-{LETTERS[:24]}",
    "stripe": f"sk_live_{LETTERS[:24]}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{LETTERS[:80]}",
    "jwt": JWT,
    "rsa key": key_block("RSA PRIVATE KEY"),
    "openssh key": key_block("OPENSSH PRIVATE KEY"),
    "plain key": key_block("PRIVATE KEY"),
    "pgp key": key_block("PGP PRIVATE KEY BLOCK"),
    "bearer": f"Bearer {LETTERS[:32]}",
    "basic header": f"AUTHORIZATION: basic {LETTERS[:24]}==",
    "token header": f'"Authorization": "token {LETTERS[:24]}"',
}
NAMES = sorted(SECRETS)


@pytest.mark.parametrize("frame", ["{}", "it says {} there", 'key = "{}"', "a\n{}\nb", "({})", "x={};y=1"])
@pytest.mark.parametrize("name", NAMES)
def test_a_credential_leaves_no_trace(name: str, frame: str) -> None:
    shown = redact(frame.format(SECRETS[name]))
    assert MASK in shown
    assert not any(LETTERS[at : at + 6] in shown for at in range(12))
    assert JWT.rpartition(".")[2] not in shown


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_around_a_credential_stays(name: str) -> None:
    shown = redact(f"before {SECRETS[name]}; after")
    assert shown.startswith("before ")
    assert shown.endswith("; after")


@pytest.mark.parametrize("host", ["example.com/shop.git", "localhost:8080/x"])
def test_a_password_in_an_address_is_taken_out(host: str) -> None:
    shown = redact(f"git clone https://deploy:p4ss-w0rd@{host} done")
    assert "p4ss" not in shown
    assert shown.endswith(f"{host} done")


def test_a_key_that_was_cut_off_is_taken_out() -> None:
    assert redact(key_block("RSA PRIVATE KEY")[:90]) == MASK


def test_a_token_inside_json_is_taken_out_and_leaves_json() -> None:
    shown = redact(json.dumps({"token": SECRETS["github classic"], "n": 1}))
    assert json.loads(shown) == {"token": MASK, "n": 1}


@pytest.mark.parametrize(
    "code",
    [
        "def total(prices):\n    return sum(prices) - 1\n",
        "assert total([1, 2]) == 3, f'{prices!r} → {total(prices)}'",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "https://example.com:8080/a/b?c=d@e#f",
        "git@example.com:acme/shop.git",
        "run 0f8fad5b-d9cb-469f-a165-70867728950e",
        ".sk-folding-cube-loading-spinner { color: red }",
        "risk-assessment-of-the-whole-change-is-low",
        "a bearer of bad news",
        "the authorization: token expired",
        "x = tokens['password'] if password else None",
        "tests/unit/test_cart.py::TestCart::test_total[1-2] FAILED",
        "| step | agent | took |\n| --- | --- | --- |",
        "import os; os.environ['AWS_SECRET_ACCESS_KEY']",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    ],
)
def test_ordinary_text_is_left_alone(code: str) -> None:
    assert redact(code) == code


@pytest.mark.parametrize("path", sorted(Path(contracts.__path__[0]).glob("*.py")), ids=lambda path: path.stem)
def test_this_code_is_left_alone(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    assert redact(code) == code


TEXTS = st.lists(
    st.sampled_from([*SECRETS.values(), MASK, "://a:b@c", "://", ":", "@", " ", "\n", "Bearer ", "sk-", "-----BEGIN "])
    | st.text(max_size=8),
    max_size=8,
).map("".join)


@given(TEXTS)
@example("://a:b@c://d:e@f")
@example("x://://a:b@c:d@e")
@example(SECRETS["gitlab"] + SECRETS["github classic"] + SECRETS["github fine-grained"])
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


KNOWN = st.text(alphabet="abcdefgh0123-_", min_size=6, max_size=12).filter(lambda text: text not in MASK)


@given(st.text(max_size=20), KNOWN, st.text(max_size=20))
def test_a_known_secret_is_taken_out_whatever_its_shape(before: str, secret: str, after: str) -> None:
    shown = redact(f"{before} {secret} {after}", (secret,))
    assert secret not in shown
    assert redact(shown, (secret,)) == shown


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert redact("hunter2-and-more", ("hunter2", "hunter2-and-more")) == MASK


def test_a_secret_too_short_to_be_one_and_the_mask_itself_stay() -> None:
    assert redact("a flat in town", ("flat", "")) == "a flat in town"
    assert redact("redacted: [redacted]", ("redacted",)) == "redacted: [redacted]"
