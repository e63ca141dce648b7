"""No secret passes, nothing else changes, and an ordinary string costs next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopack.artifacts import redaction
from autopack.artifacts.redaction import MASK, redact, redact_path, register_secret_values
from planted_secrets import announced_secrets, planted_secrets

PLANTED = planted_secrets()
ANNOUNCED = announced_secrets()
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    register_secret_values(())
    yield
    register_secret_values(())


def _pieces(secret: str) -> list[str]:
    """Return every stretch of 8 characters of SECRET that no delimiter interrupts, leaving out what only frames it."""
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    return [line[start : start + 8] for line in lines for start in range(len(line) - 7)]


def _assert_gone(secret: str, text: str) -> None:
    assert MASK in text
    assert [piece for piece in _pieces(secret) if piece in text] == []


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "The deploy used {} yesterday.",
        "See ({}), then go on; nothing else.",
        'client = Client("{}")  # do not commit',
        "const key = '{}';",
        "first line\n  value {}\nlast line\n",
        "a\tb\t{}\tc",
        "<setting>{}</setting>",
        "+{}",
        "`{}`",
    ],
)
def test_every_kind_of_token_is_masked_wherever_it_stands(kind: str, frame: str) -> None:
    """A token is masked whole in prose, in code, in a diff and among other lines, and what surrounds it stays."""
    before, after = frame.split("{}")
    masked = redact(frame.replace("{}", PLANTED[kind]))
    _assert_gone(PLANTED[kind], masked)
    assert masked == before + MASK + after


@pytest.mark.parametrize("kind", PLANTED)
def test_every_kind_of_token_is_masked_inside_json(kind: str) -> None:
    """JSON that holds a token is still JSON afterwards, and the token is gone, line breaks escaped or not."""
    document = json.dumps({"note": "x", "value": PLANTED[kind]})
    masked = redact(document)
    _assert_gone(PLANTED[kind], masked)
    assert json.loads(masked) == {"note": "x", "value": MASK}


@pytest.mark.parametrize("kind", ANNOUNCED)
def test_what_its_surroundings_announce_is_masked(kind: str) -> None:
    """A secret without a format of its own is found by the name or the notation before it, which stays readable."""
    text, secret = ANNOUNCED[kind]
    masked = redact(text)
    assert MASK in masked
    assert not secret or secret not in masked
    assert masked[:8] == text[:8]


@pytest.mark.parametrize(
    "text",
    [
        "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b by a person",
        "index 3f2a9b8..9b8c3f2 100644",
        "123e4567-e89b-42d3-a456-426614174000",
        "integrity sha512-9ZqHb3x0K1v7mQ2tYc4RzWfUo8sLpXeD5gNjAiBkVhTrMwCqEyFuJlOaSdGnPbIxZ6R3T7Y1W5Q9E2==",
        "h1:kXv7Qm3z0R1b9cWfUo8sLpXeD5gNjAiBkVhTrMwCqEy=",
        "src/autopack/gaps/detectors/windows_encoding_issue.py:120",
        "node_modules/.cache/chunk-9XbQ7zK3vTq1LmW8sYp2.js",
        "tests/parallelism/test_lease_epoch_v2_takeover_after_2_crashes.py",
        "https://example.org/docs/d/1aZ9bY8cX7dW6eV5fU4gT3hS2iR1jQ0k/edit",
        "def requires_confirmation_for_destructive_operations_v2(identifier: str) -> None:",
        "IntentionAnchorV2ToGapReportV1ConverterFactoryBean",
        "GL_COMPRESSED_SRGB8_ALPHA8_ASTC_12x12_KHR",
        "_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7compareEmmRKS4_",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "action-0123456789ab windows_encoding_issue-9f86d081884c anchor-7d659a2feaa0",
        "autopilot-20261122T103000Z",
        "password = get_password()",
        "password: str = field(repr=False)",
        'password = os.environ["DB_PASSWORD"]',
        "self.key_password = key_password",
        "token_cap_global: 200000",
        "token: ${{ secrets.DEPLOY_TOKEN }}",
        "TOKEN=$TOKEN make deploy",
        "export API_KEY=<your-api-key>",
        "--password PASSWORD",
        "postgres://user:password@localhost/app",
        "postgres://${USER}:${PASSWORD}@localhost/app",
        "git@github.com:example/repository.git",
        "Send a bearer token in the Authorization header.",
        "-----BEGIN PUBLIC KEY-----",
        "sk-learn-pipeline-with-many-steps",
        "npm_config_registry_and_other_settings",
        "key-value-stores-compared-side-by-side",
        "The quick brown fox: 'secret' means nothing here.",
        "",
        MASK,
    ],
)
def test_what_only_looks_like_a_secret_is_kept(text: str) -> None:
    """Digests, identifiers, paths, placeholders and prose pass unchanged."""
    assert redact(text) == text


def test_the_documents_of_this_repository_are_kept() -> None:
    """Of all lines of Autopack's own documents, none is changed."""
    lines = [line for path in REPOSITORY.glob("docs/**/*.md") for line in path.read_text("utf-8").splitlines()]
    lines += [line for path in REPOSITORY.glob("*.md") for line in path.read_text("utf-8").splitlines()]
    assert [line for line in lines if redact(line) != line] == []


def test_a_registered_value_is_masked_even_if_it_looks_harmless() -> None:
    """The value of a secret environment variable is masked in text and in paths, also as JSON and URLs spell it."""
    register_secret_values(["plain words", 'quo"te+d'])
    assert redact("these are plain words, see") == f"these are {MASK}, see"
    assert redact('{"a": "quo\\"te+d"}') == f'{{"a": "{MASK}"}}'
    assert redact("?q=quo%22te%2Bd") == f"?q={MASK}"
    assert redact_path("docs/plain words.md") == f"docs/{MASK}.md"


def test_registering_replaces_what_was_registered() -> None:
    """A second registration forgets the first, and cached answers with it."""
    register_secret_values(["first value"])
    assert redact("first value, second value") == f"{MASK}, second value"
    register_secret_values(["second value"])
    assert redact("first value, second value") == f"first value, {MASK}"


def test_short_values_are_not_registered() -> None:
    """A value of five characters would blot out ordinary text, so it is ignored."""
    register_secret_values(["token", ""])
    assert redact("a token here") == "a token here"


def test_a_registered_value_inside_the_mask_changes_nothing_twice() -> None:
    """Even a secret that is part of the mask's own text is masked idempotently."""
    register_secret_values(["REDACTED", "[REDACTED]x"])
    once = redact("say REDACTED, [REDACTED]x")
    assert redact(once) == once == f"say {MASK}, {MASK}x"


def test_a_path_is_not_judged_by_its_looks() -> None:
    """A hashed file name stays exact in a path, while a known token in it is masked."""
    assert redact_path("dist/aK7v9Qm3z0R1b9cWfUo8sLpXeD5gNjAi") == "dist/aK7v9Qm3z0R1b9cWfUo8sLpXeD5gNjAi"
    assert redact_path(f"notes/{PLANTED['github classic']}.txt") == f"notes/{MASK}.txt"


def test_a_key_whose_end_was_cut_off_is_masked() -> None:
    """A private key that was truncated in the middle leaves none of its lines."""
    cut = PLANTED["rsa private key"][:200]
    _assert_gone(cut, redact(f"see\n{cut}"))


_words = st.sampled_from(
    [*PLANTED.values(), *(text for text, _ in ANNOUNCED.values()), MASK, "[", "]", " ", "\n", "password="]
)


@given(st.lists(_words | st.text(max_size=12), max_size=6).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    """Redaction is idempotent for any mixture of secrets, masks and other text, surrogates included."""
    once = redact(text)
    assert redact(once) == once
    assert redact_path(redact_path(text)) == redact_path(text)


@pytest.mark.parametrize(
    "unit",
    ["://", "//x/", "eyJ", "sk-", "a-", "password", "-----BEGIN PRIVATE" + " KEY-----", "A1b2C3", "key=", "--token"],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """A text made to confuse the patterns is done in a time that grows with its length, not with its square."""
    from time import process_time

    def seconds(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        start = process_time()
        redact(text)
        return process_time() - start

    seconds(20_000)
    assert seconds(160_000) < 30 * max(seconds(20_000), 0.005)


def test_detect_secrets_is_imported_only_for_something_suspicious() -> None:
    """Ordinary text never loads the detector; a suspicious one does."""
    code = (
        "import sys; from autopack.artifacts.redaction import redact\n"
        "redact('The file src/autopack/cli/main.py has a password field, see https://example.org/a#b.')\n"
        "assert 'detect_secrets' not in sys.modules\n"
        "redact('zZ9yY8xX7wW6vV5uU4tT')\n"
        "assert 'detect_secrets' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_detect_secrets_knows_is_masked_by_it() -> None:
    """Every format taken from detect-secrets is masked without Autopack's own patterns."""
    samples = [
        *("github classic", "gitlab personal", "slack bot", "stripe live", "aws access key id", "square"),
        *("telegram bot", "sendgrid", "twilio key", "mailchimp", "discord bot", "artifactory"),
    ]
    for kind in samples:
        assert MASK in redaction._mask_known_to_detector(f'x = "{PLANTED[kind]}"'), kind
