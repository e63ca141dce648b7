#!/bin/sh
set -eu
python3 -m unittest discover -s tests
python3 -m build
