"""Secrets are replaced before a string enters an artifact or a log.

Three nets, from the exact to the guess: values of secret-looking environment variables (registered once by the
front door), known token formats (`secret_formats` and detect-secrets), and long random-looking words. Paths are judged
by the first two only, because hashed file names are common and a path has to stay exact.

Every text field of every artifact passes through here, so an ordinary string is let through after a few cheap looks;
detect-secrets is imported only for a string that holds something suspicious.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from urllib.parse import quote

from autopack.artifacts.secret_formats import (
    ANNOUNCED,
    ASSIGNMENT,
    FLAG,
    LOOSE_PREFIXES,
    PLACEHOLDER,
    PRIVATE_KEY_BEGIN,
    PRIVATE_KEY_END,
    PRIVATE_KEY_LINES,
    STRONG_NAME,
    TOKENS,
    UNMISTAKABLE_PREFIXES,
)

MASK = "[REDACTED]"
MINIMUM_VALUE_LENGTH = 6
"""Shorter registered values are ignored: they would occur everywhere by accident."""

_CACHED_LENGTH = 1_000
_DETECTOR_WINDOW = 2_000
"""Longest piece (characters) handed to detect-secrets at once: some of its patterns take quadratic time."""

_registered: tuple[str, ...] = ()
_met_registered = False


def register_secret_values(values: Iterable[str]) -> None:
    """Make VALUES the secrets that are always masked, whatever they look like, instead of those registered before.

    Each is also masked the way JSON and URLs would write it. Values of fewer than 6 characters are ignored.
    """
    global _registered, _met_registered
    _met_registered = False
    spellings = {
        spelling
        for value in values
        if len(value) >= MINIMUM_VALUE_LENGTH
        for spelling in (value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace"))
    }
    _registered = tuple(sorted(spellings, key=lambda spelling: (-len(spelling), spelling)))
    _redact_short.cache_clear()


def has_masked_a_registered_value() -> bool:
    """Tell whether one of the values registered now was met in this process: what it made since depends on the
    environment, and is of no use to another process."""
    return _met_registered


def note_registered_value() -> None:
    """Take over the finding of another process that worked for this one."""
    global _met_registered
    _met_registered = True


def redact(text: str) -> str:
    """Return TEXT with everything that looks like a secret replaced by `[REDACTED]`; idempotent."""
    if len(text) <= _CACHED_LENGTH:
        return _redact_short(text)
    return _masked(text, _mask_text) if _is_suspicious(text) else text


def redact_path(path: str) -> str:
    """Return PATH with registered values and known token formats replaced; random-looking names stay."""
    return _masked(path, _mask_path) if _is_suspicious(path) else path


@lru_cache(maxsize=8_192)
def _redact_short(text: str) -> str:
    return _masked(text, _mask_text) if _is_suspicious(text) else text


# --- the cheap looks -------------------------------------------------------------------------------------------------

_RUN = re.compile(r"[A-Za-z0-9_.-]{15,}")
_DIGIT = re.compile(r"[0-9]")
_DENSE = re.compile(r"[A-Za-z0-9]{13,}")
_ORDINARY = re.compile(r"[A-Za-z]+|[0-9a-f]+|[A-Za-z]+[0-9]{1,4}[a-z]{0,4}|[0-9]+[a-z]*")
_KNOWN_PREFIXES = "|".join(map(re.escape, (*UNMISTAKABLE_PREFIXES, *LOOSE_PREFIXES)))
_PREFIX = re.compile(rf"(?<![A-Za-z0-9])(?:{_KNOWN_PREFIXES})")


_ASSIGNED = re.compile(
    r"(?:pass(?:word|wd|phrase|code)?|secret|token|key|pwd|credentials?|connection[_-]?string|_auth|signature|sig|code)"
    r"[0-9]{0,2}\\?[\"'`]?\]?\s{0,8}(?::=|=|:)"
)


def _is_suspicious(text: str) -> bool:
    """Return whether TEXT could hold a secret. A wrong yes costs time, a wrong no leaks; meant to take a few
    microseconds for 80 characters, hence the loops written out."""
    for value in _registered:
        if value in text:
            note_registered_value()
            return True
    if ("=" in text or ":" in text or "--" in text or " login " in text) and _is_announced(text):
        return True
    for run in _RUN.findall(text):  # noqa: SIM110  (a generator costs more than the look itself)
        if _is_suspicious_run(run):
            return True
    return False


def _is_announced(text: str) -> bool:
    """Return whether TEXT may hold `name = value`, `--name value`, `Bearer value` or credentials in a URL."""
    if "://" in text and "@" in text:
        return True
    lowered = text.lower()
    if "bearer" in lowered or "authorization" in lowered or " login " in lowered:
        return True
    named = (
        "pass" in lowered
        or "secret" in lowered
        or "token" in lowered
        or "key" in lowered
        or "pwd" in lowered
        or "auth" in lowered
        or "credential" in lowered
        or "string" in lowered
        or "sig" in lowered
        or "code=" in lowered
    )
    return named and ("--" in lowered or _ASSIGNED.search(lowered) is not None)


def _is_suspicious_run(run: str) -> bool:
    """Return whether a part of RUN begins like a token, or RUN has a long part that mixes letters and digits."""
    if "-us" in run or _PREFIX.search(run) is not None:
        return True
    if _DIGIT.search(run) is None:
        return False
    for part in _DENSE.findall(run):  # noqa: SIM110
        if _ORDINARY.fullmatch(part) is None:
            return True
    return False


# --- the nets --------------------------------------------------------------------------------------------------------


def _masked(text: str, mask: Callable[[str], str]) -> str:
    """Apply MASK to what stands between earlier masks until nothing changes.

    Each round shortens what is not masked, so it ends, and a second call changes nothing.
    """
    while True:
        after = MASK.join(mask(piece) for piece in text.split(MASK))
        if after == text:
            return text
        text = after


def _mask_text(text: str) -> str:
    text = _mask_path(text)
    for pattern in ANNOUNCED:
        text = pattern.sub(_mask_announced, text)
    for pattern in (ASSIGNMENT, FLAG):
        text = pattern.sub(_mask_assigned, text)
    text = _mask_known_to_detector(text)
    return _WORD.sub(_mask_random, text)


def _mask_path(text: str) -> str:
    for value in _registered:
        text = text.replace(value, MASK)
    text = _mask_private_keys(text)
    for pattern in TOKENS:
        text = pattern.sub(MASK, text)
    return text


def _mask_private_keys(text: str) -> str:
    pieces = []
    position = 0
    while begin := PRIVATE_KEY_BEGIN.search(text, position):
        end = PRIVATE_KEY_END.search(text, begin.end()) or PRIVATE_KEY_LINES.match(text, begin.end())
        stop = end.end() if end else begin.end()
        pieces += [text[position : begin.start()], MASK if stop > begin.end() else begin[0]]
        position = stop
    return "".join(pieces) + text[position:]


def _mask_announced(match: re.Match[str]) -> str:
    if PLACEHOLDER.fullmatch(match["secret"]):
        return match[0]
    return _with_group_masked(match, "secret")


def _mask_assigned(match: re.Match[str]) -> str:
    group = "quoted" if match["quoted"] is not None else "bare"
    value = match[group]
    if PLACEHOLDER.fullmatch(value):
        return match[0]
    strong = STRONG_NAME.fullmatch(match["name"]) is not None
    if group == "quoted":
        masked = " " not in value if strong else _mixes_letters_and_digits(value)
    else:
        masked = _is_bare_secret(match["name"], match["sign"], value, strong=strong)
    return _with_group_masked(match, group) if masked else match[0]


def _is_bare_secret(name: str, sign: str, value: str, *, strong: bool) -> bool:
    """Return whether an unquoted VALUE is a literal and not a name, a call, a type or prose."""
    if strong and sign == "=" and name.isupper():
        return True
    if _IDENTIFIER.fullmatch(value) and not _is_random(value):
        numbered = any(character.isdigit() for character in value)
        return numbered and ((strong and "_" not in value) or _HEX_KEY.fullmatch(value) is not None)
    return _mixes_letters_and_digits(value) and not _DATE.match(value) and (strong or len(value) >= 12)


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*[.:?!]?")
_HEX_KEY = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _mixes_letters_and_digits(value: str) -> bool:
    return (
        len(value) >= 8
        and " " not in value
        and any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
    )


def _with_group_masked(match: re.Match[str], group: str) -> str:
    start, end = (position - match.start() for position in match.span(group))
    return match[0][:start] + MASK + match[0][end:]


# --- detect-secrets --------------------------------------------------------------------------------------------------

_DETECTOR_PLUGINS = (
    *("artifactory", "aws", "azure_storage_key", "cloudant", "discord", "github_token", "gitlab_token"),
    *("ibm_cloud_iam", "ibm_cos_hmac", "mailchimp", "sendgrid", "slack", "softlayer", "square_oauth", "stripe"),
    *("telegram_token", "twilio"),
)
"""Its formats whose patterns take linear time on a bounded piece and need no reading of the surroundings."""


@cache
def _detector_patterns() -> tuple[re.Pattern[str], ...]:
    from importlib import import_module

    modules = [import_module(f"detect_secrets.plugins.{name}") for name in _DETECTOR_PLUGINS]
    return tuple(
        pattern
        for module in modules
        for plugin in vars(module).values()
        if getattr(plugin, "__module__", "") == module.__name__
        for pattern in getattr(plugin, "denylist", ())
    )


def _mask_known_to_detector(text: str) -> str:
    if not any(_is_suspicious_run(run) for run in _RUN.findall(text.replace(MASK, " "))):
        return text
    return "".join(_mask_piece(piece) for piece in _windows(text))


def _windows(text: str) -> Iterator[str]:
    """Yield the lines of TEXT, long ones cut; a token across a cut is left to the other nets."""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), _DETECTOR_WINDOW):
            yield line[start : start + _DETECTOR_WINDOW]


def _mask_piece(piece: str) -> str:
    for pattern in _detector_patterns():
        piece = pattern.sub(_mask_detected, piece)
    return piece


def _mask_detected(match: re.Match[str]) -> str:
    """Mask the match without the delimiters that some patterns take along; a match without a digit is a name."""
    secret = match[0].strip(" \t\r\n\"'=:")
    if MASK in secret or not any(character.isdigit() for character in secret):
        return match[0]
    return match[0].replace(secret, MASK)


# --- random-looking words --------------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z0-9+/=_.~%:@,-]{20,}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/_-]{19,}={0,2}")
_PLAIN_PART = re.compile(
    r"[a-z]+|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|g?[0-9a-f]+|[0-9A-F]+|0x[0-9A-Fa-f]+[uUlL]*|[A-Za-z][a-z]+[0-9]{1,4}"
)
_CAMEL_WORD = re.compile(r"[A-Z]?[a-z]{3,}")
_NUMBER = re.compile(r"[0-9]+")
_ULID = re.compile(r"01[0-9A-HJKMNP-TV-Z]{24}")
_CONTENT_ID = re.compile(r"Qm[1-9A-HJ-NP-Za-km-z]{44}|bafy[a-z2-7]{50,}")
_MANGLED_NAME = re.compile(r"(?<![A-Za-z0-9])_{1,3}[ZR][A-Z0-9]")
_DIGEST_NAME = (
    r"(?:sha-?(?:1|2|3|224|256|384|512)|md5|blake[0-9a-z]*|\bh1|digest|checksum|integrity|base64|fingerprint|hash)"
)
_DIGEST_BEFORE = re.compile(rf"(?i:{_DIGEST_NAME})[\"'`]?[\s:=,@-]{{0,3}}$")
_DIGEST_INSIDE = re.compile(rf"(?i:{_DIGEST_NAME}[_-])")
_FILE_NAME = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}(?::[0-9]+)*$")
_PLAIN_SEGMENT = re.compile(r"[a-z][a-z_.-]{2,}|\.{1,2}|[A-Z][a-z]{2,}")


def _mask_random(match: re.Match[str]) -> str:
    """Mask the random-looking parts of a long word, unless the word is a path, an address or a file name."""
    word = match[0]
    if _is_path(word) or _MANGLED_NAME.search(word):
        return word

    def mask_part(part: re.Match[str]) -> str:
        start = match.start() + part.start()
        known = _DIGEST_INSIDE.match(part[0]) or _DIGEST_BEFORE.search(match.string[max(0, start - 24) : start])
        return part[0] if known or not _is_random(part[0]) else MASK

    return _PART.sub(mask_part, word)


def _is_path(word: str) -> bool:
    if "://" in word or word.startswith(("/", "./", "../", "~/")) or _FILE_NAME.search(word):
        return True
    plain = sum(len(segment) for segment in word.split("/") if _PLAIN_SEGMENT.fullmatch(segment))
    return "/" in word and 3 * plain >= len(word)


def _is_random(word: str) -> bool:
    """Return whether WORD switches between kinds of character as names never do.

    Random base64 changes kind (upper, lower, digit) at about 62 % of its steps, random base36 at 40 %; names in camel
    case with version numbers stay below 35 %. Parts between `-` and `_` that are words, numbers or hexadecimal digits
    are left out first.
    """
    if _ULID.fullmatch(word) or _CONTENT_ID.fullmatch(word):
        return False
    dense = "".join(part for part in re.split(r"[_-]", word.rstrip("=")) if not _PLAIN_PART.fullmatch(part))
    if len(dense) < 20:
        return False
    kinds = [_kind(character) for character in dense]
    changes = sum(one != other for one, other in pairwise(kinds)) / (len(dense) - 1)
    numbers = len(_NUMBER.findall(dense))
    if "a" in kinds and "A" in kinds:
        in_words = sum(map(len, _CAMEL_WORD.findall(dense))) / len(dense)
        return numbers >= 1 and changes >= 0.4 and in_words < 0.4
    return numbers >= 4 and changes >= 0.2 and len(set(dense)) >= 12


def _kind(character: str) -> str:
    return "0" if character.isdigit() else "a" if character.islower() else "A" if character.isupper() else "+"
