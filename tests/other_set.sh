#!/usr/bin/env bash
# Run `make test` with dependency set tfx-1.21 on a Debian 12 machine: in a Debian 13 made by debootstrap, on the
# commit that is checked out.
# Usage, as root: tests/other_set.sh [DIR]     DIR is kept for the next run; default: .other-set
set -euo pipefail
cd "$(dirname "$0")/.."

refuse() {
    echo "cannot test the other dependency set: $1" >&2
    exit 2
}

[[ $(id -u) == 0 ]] || refuse "chroot and mount need root; run it as root"
[[ $(. /etc/os-release && echo "$ID") == debian ]] || refuse "this system is not Debian; docs/dependency-sets.md shows other ways"
command -v debootstrap >/dev/null || refuse "debootstrap is missing: apt-get install debootstrap"
python3 -c 'import sys; from pipeline.install.dependency_sets import host_glibc; sys.exit(host_glibc() >= (2, 39))' ||
    refuse "this machine takes tfx-1.21 itself; test tfx-1.16 here with: make test SET=tfx-1.16"

# The mounts are in a separate namespace, so they end with it, even when it is killed.
if [[ -z ${OTHER_SET_NAMESPACE:-} ]]; then
    OTHER_SET_NAMESPACE=1 exec unshare --mount --propagation private bash tests/other_set.sh "$@"
fi

root=$(realpath -m "${1:-.other-set}")
[[ -z $(git status --porcelain) ]] || echo "note: uncommitted changes are not tested"

if [[ ! -e $root/.debootstrapped ]]; then
    echo "making a Debian 13 in $root"
    debootstrap --variant=minbase trixie "$root" >/dev/null
    touch "$root/.debootstrapped"
fi
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
apt-config dump Acquire | grep -iE '^Acquire::(http|https)::' >"$root/etc/apt/apt.conf.d/90host" || true

# Pass on the registry settings of pip and uv, and no other variable.
settings=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL UV_DEFAULT_INDEX UV_INDEX_URL; do
    [[ -z ${!name:-} ]] || settings+=("$name=${!name}")
done
settings+=(SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt)
inside() {
    env -i "${settings[@]}" chroot "$root" "$@"
}

inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends ca-certificates chromium g++ git make python3-dev python3-venv >/dev/null
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
rm -rf "$root/srv/temporec"
git clone --quiet --no-hardlinks . "$root/srv/temporec"
inside make -C /srv/temporec test
echo "the other dependency set passed: $(git -C "$root/srv/temporec" rev-parse --short HEAD) on Debian $(cat "$root/etc/debian_version"); remove with: rm -r $root"
