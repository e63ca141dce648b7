"""Where paths really lead: the symbolic links of a tree, followed without touching a file system.

A path below a linked folder is another file than its name says. What is written through it is judged, too, under the
name of the file that it leads to. Source of the rules of resolution: path_resolution(7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_HOPS = 40
"""As the Linux kernel counts (ELOOP); a path with more is taken to lead nowhere that could be allowed."""

NOWHERE = "/"
"""Stands for what cannot be followed: no path of a repository, so that the policy refuses it."""


def led_to(path: str, links: Mapping[str, str]) -> str | None:
    """Return where PATH leads by LINKS (path of a link -> what it holds), or None where no link is on the way.

    What leads out of the tree comes back as an absolute path, which no policy allows.
    """
    done: list[str] = []
    pending = path.split("/")[::-1]
    hops = 0
    while pending:
        part = pending.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if not done:
                return NOWHERE
            done.pop()
            continue
        done.append(part)
        target = links.get("/".join(done))
        if target is None:
            continue
        hops += 1
        if target.startswith("/") or hops > MOST_HOPS:
            return NOWHERE
        done.pop()
        pending += target.split("/")[::-1]
    return "/".join(done) or NOWHERE if hops else None


def all_led_to(paths: Sequence[str], links: Mapping[str, str]) -> set[str]:
    """Return where those of PATHS lead that a link is on the way of."""
    if not links:
        return set()
    return {led for path in paths if (led := led_to(path, links)) is not None}
