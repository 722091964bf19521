#!/usr/bin/env bash
# Resolves the .in files beside it to exact versions with hashes: `make lock`.
# Versions that still fit are kept; `bash requirements/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

compile() { # NAME PYTHON OPTION...
    "$uv" pip compile --quiet --generate-hashes --no-annotate --custom-compile-command "make lock" \
        --python-version "$2" "${@:3}" "requirements/$1.in" -o "requirements/$1.txt"
}

compile uv 3.10 --python-platform x86_64-manylinux_2_28 "$@"
compile lane-a 3.10 --python-platform x86_64-manylinux_2_28 "$@"
compile lane-b 3.11 --universal "$@"
