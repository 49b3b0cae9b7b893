#!/usr/bin/env bash
# The base install, without torch: import, ingest, calibrate, bin, and report on a finished study.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet . 'pytest>=8,<10'
if "$work/venv/bin/python" -c 'import torch' 2>/dev/null; then
    echo "the base install brought torch along" >&2
    exit 1
fi
"$work/venv/bin/python" -m pytest --quiet -p no:cacheprovider tests/base
