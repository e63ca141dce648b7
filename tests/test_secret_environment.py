"""Which environment variables are taken for credentials, since their values are masked everywhere."""

from __future__ import annotations

import pytest

from autopack.config import secret_environment_values

VALUE = "correct-horse-battery"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "GITHUB_TOKEN",
            "DB_PASSWORD",
            "PGPASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "OPENAI_API_KEY",
            "APIKEY",
            "MYSQL_PWD",
        ),
        *("CLIENT_SECRET", "SENTRY_DSN", "GITLAB_PAT", "NPM_CONFIG__AUTH", "SSH_PRIVATE_KEY"),
        *("VAULT_CREDENTIALS", "SIGNING_KEY_BASE64", "TOKEN_2", "githubToken", "api_key", "SMTP_PASS"),
    ],
)
def test_a_name_that_ends_with_what_it_holds_is_a_credential(name: str) -> None:
    """The usual names of tokens, passwords and keys are recognised."""
    assert secret_environment_values({name: VALUE}) == {VALUE}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "PWD",
            "OLDPWD",
            "PATH",
            "HOME",
            "USER",
            "GIT_AUTHOR_NAME",
            "GIT_AUTHOR_EMAIL",
            "SSH_AUTH_SOCK",
            "XAUTHORITY",
        ),
        *(
            "TOKEN_LIMIT",
            "PASSWORD_MIN_LENGTH",
            "KEYBOARD",
            "AUTHOR",
            "COMPASS",
            "SECRET_NAME",
            "TOKENIZERS_PARALLELISM",
        ),
    ],
)
def test_other_names_are_not(name: str) -> None:
    """A variable that only mentions such a word would blot out ordinary text, so it is left alone."""
    assert secret_environment_values({name: VALUE}) == frozenset()


@pytest.mark.parametrize("value", ["", "short", "123456", "/run/secrets/token", "enabled", "PASSWORD"])
def test_values_that_are_no_secrets_are_left_alone(value: str) -> None:
    """Switches, numbers, paths to a secret and short values occur everywhere by accident."""
    assert secret_environment_values({"API_TOKEN": value}) == frozenset()


def test_a_password_in_a_url_counts_under_any_name() -> None:
    """The password part of a connection URL is a secret of its own."""
    assert secret_environment_values({"DATABASE_URL": f"postgres://app:{VALUE}@db/app"}) == {VALUE}
