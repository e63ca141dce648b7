"""What a finding is, whatever line it has moved to and whatever its file is called by now."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from autopack.gaps.models import Evidence, Gap

VERSION = "autopack/v1"
"""The key in SARIF's `partialFingerprints` (SARIF 2.1.0, section 3.27.17); a new way to compute gets a new one."""

_NUMBERS = re.compile(r"\d+")
_HEX_NAMES = re.compile(r"\b[0-9a-f]{7,64}\b")


def fingerprint(gap: Gap) -> str:
    """Return 64 hex digits that stay the same when lines shift and when the file is renamed with its content.

    They are made of the rule, the title without paths and numbers, and the content of each place: the digest of the
    line or file, or where there is none, the preview and the file's own name. Two equal findings in two files have
    the same one; `gap_id` tells them apart.
    """
    content = [gap.rule_id, _without_places(gap.title, gap.evidence), [_content(one) for one in gap.evidence]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _without_places(title: str, evidence: Sequence[Evidence]) -> str:
    for path in sorted({one.path for one in evidence if one.path}, key=len, reverse=True):
        title = title.replace(path, "*").replace(path.rpartition("/")[2], "*")
    return _NUMBERS.sub("#", _HEX_NAMES.sub("#", title))


def _content(evidence: Evidence) -> list[str]:
    name = evidence.test_name.rpartition("::")[2] if evidence.test_name else ""
    if evidence.excerpt_sha256 is not None:
        return [evidence.excerpt_sha256, name]
    return [(evidence.path or "").rpartition("/")[2], evidence.preview or "", name]
