#!/usr/bin/env bash
# Resolve the packages of pyproject.toml to exact versions with hashes, a file for each dependency set: `make lock`.
# It keeps versions that still fit; `bash requirements/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

compile() { # NAME PYTHON SOURCE... OPTION...
    "$uv" pip compile --quiet --generate-hashes --no-annotate --custom-compile-command "make lock" \
        --python-version "$2" "${@:3}" -o "requirements/$1.txt"
}

compile uv 3.10 requirements/uv.in --python-platform x86_64-manylinux_2_28 "$@"
compile tfx-1.16 3.10 pyproject.toml --group dev --python-platform x86_64-manylinux_2_28 "$@"
compile tfx-1.21 3.11 pyproject.toml --group dev --universal "$@"
