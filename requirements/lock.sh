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

# The images have the versions of tfx-1.21. TensorFlow is in a file of its own: for CPUs, or with NVIDIA's libraries.
image=(--python-platform x86_64-manylinux_2_40 --constraints requirements/tfx-1.21.txt "$@")
compile image 3.13 pyproject.toml --no-emit-package tensorflow "${image[@]}"
compile image-serving 3.13 --group serving --no-emit-package tensorflow "${image[@]}"
compile image-cpu 3.13 --group cpu "${image[@]}"
compile image-cuda 3.13 --group cuda "${image[@]}"
