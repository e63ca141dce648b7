"""What credentials look like: prefixes, shapes and the names that announce them.

Prefixes are the ones that issuers document so that scanners can find their tokens. What is not listed here may still be
known to detect-secrets, or be caught as a long random-looking word; `redaction` applies all three.
"""

from __future__ import annotations

import re

UNMISTAKABLE_PREFIXES = (
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "glimt-", "glptt-", "glagent-", "gloas-", "GR1348941"),
    *("xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"),
    *("sk_live_", "sk_test_", "rk_live_", "rk_test_"),
    *("sk-ant-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-"),
    *("AIza", "ya29.", "GOCSPX-", "SG.", "pypi-AgE", "dckr_pat_", "ATATT3", "ATBB", "AGE-SECRET-KEY-1"),
    *("doo_v1_", "dop_v1_", "dor_v1_", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."),
    *("shpat_", "shpca_", "shppa_", "shpss_", "sq0atp-", "sq0csp-", "sq0idp-", "lin_api_", "PMAK-", "NRAK-"),
    *("glsa_", "sntrys_", "sntryu_", "hvs.", "hvb.", "hvr.", "rubygems_", "pscale_tkn_", "pscale_pw_", "pscale_oauth_"),
    *("figd_", "CCIPAT_", "bkua_", "nfp_", "pplx-", "sbp_", "ops_eyJ", "fm2_", "tskey-", "secret_key_live_", "EZAK"),
)
"""A word that starts like this and goes on for 16 characters is a token, whatever follows."""

LOOSE_PREFIXES = (
    *("sk-", "hf_", "npm_", "gsk_", "xai-", "r8_", "key-", "pul-", "dapi", "cio", "ntn_", "secret_", "rnd_", "pat_"),
    *("tfp_", "aio_", "whsec_", "sl.", "EAA", "AKC", "lsv2_"),
)
"""Prefixes that also begin ordinary names: what follows has to be one dense run with digits."""

_WORD_START = r"(?<![A-Za-z0-9])"
_B64 = r"[A-Za-z0-9+/]"
_URLSAFE = r"[A-Za-z0-9_-]"


def _any_of(words: tuple[str, ...]) -> str:
    return "(?:" + "|".join(re.escape(word) for word in words) + ")"


TOKENS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_WORD_START}{_any_of(UNMISTAKABLE_PREFIXES)}[A-Za-z0-9_=+-]{{16,}}(?:\.[A-Za-z0-9_-]{{6,}})*",
        # Stripe webhook secrets are plain base64 behind their prefix.
        rf"{_WORD_START}whsec_[A-Za-z0-9+/]{{16,}}={{0,2}}",
        rf"{_WORD_START}{_any_of(LOOSE_PREFIXES)}(?=[A-Za-z]{{0,40}}[0-9])[A-Za-z0-9]{{20,}}{_URLSAFE}*",
        # AWS access key ids (IAM user guide, unique identifiers).
        rf"{_WORD_START}(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16,}}",
        # JSON Web Tokens (RFC 7519), whole or cut short: both first parts are base64url of `{"`.
        rf"{_WORD_START}eyJ{_URLSAFE}{{8,}}\.(?:eyJ)?{_URLSAFE}{{4,}}(?:\.{_URLSAFE}*)*",
        # Telegram bot tokens: bot id, colon, 35 characters of which the first two are AA.
        rf"(?<![0-9])[0-9]{{8,10}}:AA{_URLSAFE}{{32,}}",
        # Twilio account and key ids.
        rf"{_WORD_START}(?:AC|SK)[0-9a-f]{{32}}(?![0-9a-f])",
        # Azure client secrets.
        rf"{_WORD_START}[A-Za-z0-9_~.]{{3}}[0-9]Q~[A-Za-z0-9_~.-]{{31,40}}",
        # Terraform Cloud.
        rf"{_WORD_START}[A-Za-z0-9]{{14}}\.atlasv1\.{_URLSAFE}{{40,}}",
        # Mailchimp: key, dash, data centre.
        rf"{_WORD_START}[0-9a-f]{{32}}-us[0-9]{{1,2}}(?![0-9])",
        # Discord bots: base64 of the id (which starts with a digit), time stamp, HMAC.
        rf"{_WORD_START}[MNO][A-Za-z0-9_-]{{22,27}}\.[A-Za-z0-9_-]{{6}}\.[A-Za-z0-9_-]{{27,}}",
        # Chat webhooks: the address is the credential.
        r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/_-]{16,}",
        r"(?<=/api/webhooks/)[0-9]{10,}/[A-Za-z0-9_-]{20,}",
    )
)
"""The whole match is the secret."""

ANNOUNCED = tuple(
    re.compile(pattern)
    for pattern in (
        # scheme://user:password@host (RFC 3986, section 3.2.1) and scheme://token@host.
        r"(?<=://)[^\s/@:\"'`]{0,128}:(?P<secret>[^\s/@\"'`]{1,256})@",
        rf"(?<=://)(?P<secret>{_URLSAFE}{{20,128}})(?::x-oauth-basic)?@",
        rf"(?i:accountkey|sharedaccesskey|sharedsecret)=(?P<secret>{_B64}{{20,}}={{0,2}})",
        r"(?i:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?i:basic|bearer|token|digest|ssws)\s{1,4}(?P<secret>[^\s\"'`,;]{8,})",
        r"(?i:\bbearer)\s{1,4}(?P<secret>(?=[A-Za-z._~+/-]{0,40}[0-9])[A-Za-z0-9._~+/-]{16,}={0,2})",
        r"(?m:^|(?<=[\s:\"']))(?i:_authToken|_auth|_password)\s{0,4}=\s{0,4}[\"']?(?P<secret>[^\s\"'`]{8,})",
        r"(?i:\bmachine\s{1,4}\S{1,128}\s{1,4}login\s{1,4}\S{1,128}\s{1,4}password)\s{1,4}(?P<secret>\S{1,256})",
        r"(?i:[?&](?:sig|signature|x-amz-signature|x-amz-security-token|access_token|client_secret|code|key|token"
        r"|api_?key|apikey|secret|password))=(?P<secret>[A-Za-z0-9%+/=._~-]{12,})",
    )
)
"""The group `secret` is the secret; placeholders in it are kept."""

_STRONG_NAME = r"password|passwd|passphrase|(?<![A-Za-z])(?:pass|pwd|passcode)|secret"
_WEAK_NAME = (
    r"(?:api|access|account|auth|encryption|master|private|secret|service|signing|storage|subscription)[_.-]?"
    r"(?:access[_-]?)?key|token|credentials?|connection[_-]?string"
)
_BARE = r"(?P<bare>[^\s\"'`,;&<>(){}\[\]\\|]{6,512})(?![(\[])"
ASSIGNMENT = re.compile(
    rf"(?P<name>(?i:{_WEAK_NAME}|{_STRONG_NAME}))[0-9]{{0,2}}(?:\\?[\"'`])?\]?(?P<sign>\s{{0,8}}(?::=|=>|==?|:)\s{{0,8}})"
    rf"(?:(?P<quote>\\?[\"'`])(?P<quoted>[^\"'`\r\n\\]{{4,512}})(?P=quote)|{_BARE})"
)
"""`name = value` in the notations of shells, configuration files, JSON and code."""

FLAG = re.compile(
    rf"--[A-Za-z-]{{0,40}}(?P<name>(?i:{_WEAK_NAME}|{_STRONG_NAME}))(?P<sign>\s{{1,4}})(?P<quoted>(?!))?{_BARE}"
)
"""`--name value` on a command line."""

STRONG_NAME = re.compile(rf"(?i:{_STRONG_NAME})")
"""Names that stand before a secret and hardly anything else."""

PLACEHOLDER = re.compile(
    r"(?i)[$%{<*#].*|.*(?:\$\{|\{\{|<|%\(|\.\.\.|…).*|x{3,}|[.:*]+|(?:your|my|some|the|a|an|example|sample|dummy|fake|test)[_-].*"
    r"|(?:string|str|bytes|none|null|nil|true|false|required|optional|password|passwd|passphrase|pass|secret|token|hidden"
    r"|masked|redacted|changeme|change_me|example|placeholder|undefined|default|disabled|enabled|text|env|prompt|stdin|pass|fail|failed|skip)"
)
"""What stands where a secret would, in examples and templates."""

PRIVATE_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
PRIVATE_KEY_LINES = re.compile(r"(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*")
"""What follows a BEGIN whose END was cut off."""
