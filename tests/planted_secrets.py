"""Made-up credentials of every kind, put together at run time so that no scanner takes this file for a leak."""

from __future__ import annotations

import base64
import random
import string

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URLSAFE = LETTERS_AND_DIGITS + "-_"


def _some(alphabet: str, length: int, seed: int = 7) -> str:
    """Return LENGTH characters of ALPHABET, the same each time, with a letter first and a digit second."""
    chosen = random.Random(f"{alphabet}{length}{seed}").choices(alphabet, k=length)
    chosen[0], chosen[1] = "a" if "a" in alphabet else "A", "7"
    return "".join(chosen)


def _jwt() -> str:
    parts = [b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890","admin":true}', bytes(range(32))]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _private_key(label: str) -> str:
    lines = [_some(LETTERS_AND_DIGITS + "+/", 64, seed) for seed in range(5)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


def planted_secrets() -> dict[str, str]:
    """Return kind -> the secret itself; none of its characters may survive redaction."""
    alnum = lambda length: _some(LETTERS_AND_DIGITS, length)  # noqa: E731
    return {
        "github classic": "ghp" + "_" + alnum(36),
        "github oauth": "gho" + "_" + alnum(36),
        "github server": "ghs" + "_" + alnum(36),
        "github fine-grained": "github" + "_pat_" + alnum(22) + "_" + alnum(59),
        "gitlab personal": "glpat" + "-" + _some(URLSAFE, 20),
        "gitlab deploy": "gldt" + "-" + _some(URLSAFE, 20),
        "gitlab runner": "glrt" + "-" + _some(URLSAFE, 20),
        "slack bot": "xoxb" + "-123456789012-1234567890123-" + alnum(24),
        "slack user": "xoxp" + "-123456789012-123456789012-123456789012-" + _some(HEX, 32),
        "slack app": "xapp" + "-1-A0123456789-1234567890123-" + _some(HEX, 64),
        "stripe live": "sk" + "_live_" + alnum(24),
        "stripe restricted": "rk" + "_live_" + alnum(24),
        "stripe webhook": "wh" + "sec_" + alnum(32),
        "aws access key id": "AKIA" + _some(string.ascii_uppercase + "234567", 16),
        "aws session key id": "ASIA" + _some(string.ascii_uppercase + "234567", 16),
        "google api key": "AI" + "za" + _some(URLSAFE, 35),
        "google oauth token": "ya29" + "." + _some(URLSAFE, 60),
        "google client secret": "GOCS" + "PX-" + _some(URLSAFE, 28),
        "azure client secret": alnum(3) + "8Q~" + _some(LETTERS_AND_DIGITS + "_~.-", 34),
        "openai legacy": "sk" + "-" + alnum(20) + "T3Blbk" + "FJ" + alnum(20),
        "openai project": "sk" + "-proj-" + _some(URLSAFE, 60),
        "anthropic": "sk" + "-ant-api03-" + _some(URLSAFE, 93) + "AA",
        "hugging face": "hf" + "_" + alnum(34),
        "npm": "npm" + "_" + alnum(36),
        "pypi": "pypi" + "-AgEIcHlwaS5vcmc" + _some(URLSAFE, 80),
        "telegram bot": "123456789" + ":AA" + _some(URLSAFE, 33),
        "sendgrid": "SG" + "." + _some(URLSAFE, 22) + "." + _some(URLSAFE, 43),
        "twilio key": "SK" + _some(HEX, 32),
        "twilio account": "AC" + _some(HEX, 32),
        "digitalocean": "dop" + "_v1_" + _some(HEX, 64),
        "doppler": "dp" + ".pt." + alnum(43),
        "shopify": "shp" + "at_" + _some(HEX, 32),
        "square": "sq0" + "csp-" + _some(URLSAFE, 43),
        "mailchimp": _some(HEX, 32) + "-us" + "12",
        "mailgun": "key" + "-" + _some(string.ascii_lowercase + string.digits, 32),
        "databricks": "dapi" + _some(HEX, 32),
        "linear": "lin" + "_api_" + alnum(40),
        "postman": "PM" + "AK-" + _some(HEX, 24) + "-" + _some(HEX, 34),
        "grafana": "gl" + "sa_" + alnum(32) + "_" + _some(HEX, 8),
        "sentry": "sntr" + "yu_" + _some(HEX, 64),
        "vault": "hv" + "s." + _some(URLSAFE, 90),
        "terraform": alnum(14) + ".atlas" + "v1." + _some(URLSAFE, 60),
        "docker hub": "dckr" + "_pat_" + _some(URLSAFE, 27),
        "atlassian": "ATA" + "TT3" + _some(URLSAFE, 100) + "=" + "0A1B2C3D",
        "discord bot": "M" + _some(LETTERS_AND_DIGITS, 25) + "." + alnum(6) + "." + _some(URLSAFE, 38),
        "artifactory": "AKC" + alnum(60),
        "new relic": "NR" + "AK-" + _some(string.ascii_uppercase + string.digits, 27),
        "rubygems": "ruby" + "gems_" + _some(HEX, 48),
        "age key": "AGE-SECRET" + "-KEY-1" + _some("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
        "json web token": _jwt(),
        "rsa private key": _private_key("RSA PRIVATE" + " KEY"),
        "openssh private key": _private_key("OPENSSH PRIVATE" + " KEY"),
        "pgp private key": _private_key("PGP PRIVATE" + " KEY BLOCK"),
        "random base62": alnum(40),
        "random base36": _some(string.ascii_lowercase + string.digits, 40),
        "random base64": _some(LETTERS_AND_DIGITS + "+/", 64) + "==",
    }


def announced_secrets() -> dict[str, tuple[str, str]]:
    """Return kind -> (text around it, the secret): what only its surroundings give away."""
    weak, token, hexadecimal = "hunter2" + "Horse", _some(LETTERS_AND_DIGITS, 24), _some(HEX, 32)
    return {
        "shell assignment": (f"export DB_PASSWORD={weak}", weak),
        "spaced assignment": (f'db_password = "{weak}"', weak),
        "yaml": (f"database:\n  password: {weak}\n", weak),
        "json": (f'{{"clientSecret": "{weak}"}}', weak),
        "escaped json": (f'{{\\"api_key\\": \\"{hexadecimal}\\"}}', hexadecimal),
        "hash rocket": (f":secret_key => '{hexadecimal}'", hexadecimal),
        "walrus": (f'apiToken := "{hexadecimal}"', hexadecimal),
        "flag with blank": (f"curl --token {hexadecimal} host", hexadecimal),
        "flag with sign": (f"mysql --password={weak} db", weak),
        "url password": (f"postgres://app:{weak}@db.internal/app", weak),
        "url password only": (f"redis://:{weak}@cache:6379/0", weak),
        "url token": (f"https://{token}@git.internal/a.git", token),
        "basic authorization": (f"Authorization: Basic {base64.b64encode(weak.encode()).decode()}", ""),
        "bearer": (f"curl -H 'Authorization: Bearer {token}'", token),
        "storage connection": (f"AccountName=x;AccountKey={_some(LETTERS_AND_DIGITS + '+/', 86)}==", ""),
        "signed url": (f"https://x.blob.internal/c?sv=2024&sig={_some(LETTERS_AND_DIGITS, 43)}%3D", ""),
        "npmrc": (f"//host.internal/:_authToken={hexadecimal}", hexadecimal),
        "netrc": (f"machine host.internal login me password {weak}", weak),
        "aws secret key": (f"aws_secret_access_key = {_some(LETTERS_AND_DIGITS + '+/', 40)}", ""),
        "slack webhook": (f"https://hooks.slack.com/services/T01234567/B01234567/{token}", token),
        "discord webhook": (f"https://discord.com/api/webhooks/123456789012345678/{token}{token}", token),
    }
