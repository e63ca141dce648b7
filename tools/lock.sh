#!/bin/sh
# Resolve pyproject.toml into the lock files: every version and hash, for Python 3.11 and newer on every platform, and
# no address of any package index. Called by `make lock`; $1 is a Python that has uv.
set -eu
python=$1
resolve() {
    output=$1
    shift
    "$python" -m uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --output-file "$output" "$@"
    if grep -n '://' "$output"; then
        echo "$output holds an address" >&2
        exit 1
    fi
}
resolve requirements.lock --extra build
resolve requirements-dev.lock --extra build --extra dev --extra acp --extra github --extra webhook
