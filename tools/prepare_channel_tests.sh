#!/bin/sh
# Install the Telegram emulator that tests/channels tries the Telegram channel against, into a folder of its own.
# Called by `make channel-tests` and .ci/run. Without npm, or where it cannot install, the tests say that they did not run.
set -eu
folder=${1:-.cache/channel-tests}
if [ -d "$folder/node_modules/telegram-test-api" ]; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "npm is not installed; the Telegram channel is not tried against the Telegram emulator." >&2
    exit 0
fi
mkdir -p "$folder"
echo "Installing telegram-test-api, the Telegram emulator that the tests try."
npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --silent telegram-test-api@4.2.1 ||
    echo "telegram-test-api cannot be installed; the Telegram channel is not tried against it." >&2
