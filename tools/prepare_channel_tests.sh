#!/bin/sh
# Install what tests/channels tries the channels against, into a folder of its own: the Telegram emulator and the
# simulator of GitHub's interface.
# Called by `make channel-tests` and .ci/run. Without npm, or where it cannot install, the tests say that they did not run.
set -eu
folder=${1:-.cache/channel-tests}
if [ -d "$folder/node_modules/telegram-test-api" ] && [ -d "$folder/node_modules/@simulacrum/github-api-simulator" ]; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "npm is not installed; the channels are not tried against the Telegram emulator and the GitHub simulator." >&2
    exit 0
fi
mkdir -p "$folder"
for package in telegram-test-api@4.2.1 @simulacrum/github-api-simulator@0.8.0; do
    echo "Installing $package, which the tests of channels try."
    npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --silent "$package" ||
        echo "$package cannot be installed; the channel is not tried against it." >&2
done
