#!/usr/bin/env bash
# Build both images, then test them: the compiled pipeline as Kubeflow runs it, and the server.
# The engine is podman or docker. Where neither answers: podman in a Debian 13 made by debootstrap, which is also the base
# of the images then.
# Usage: tests/image.sh [DIR]     DIR is kept for the next run; default: .image-test
set -euo pipefail
cd "$(dirname "$0")/.."

refuse() {
    echo "cannot test the images: $1" >&2
    exit 2
}

inside() { # a command in the Debian 13; its mounts end with it
    bash "$work/bin/inside" "$@"
}

make_engine() {
    [[ $(id -u) == 0 ]] || refuse "no container engine answers, and making one needs root"
    command -v debootstrap >/dev/null || refuse "no container engine answers; apt-get install podman, or debootstrap to make one"
    mkdir -p "$work/bin" /s3
    if [[ ! -e $work/.debootstrapped ]]; then
        echo "making a Debian 13 in $work"
        debootstrap --variant=minbase trixie "$work/base" >/dev/null
        cp -a "$work/base" "$work/engine"
        touch "$work/.debootstrapped"
    fi
    cat >"$work/bin/inside" <<END
#!/usr/bin/env bash
[[ -n \${INSIDE:-} ]] || INSIDE=1 exec unshare --mount --propagation private bash "\$0" "\$@"
set -e
root=$work/engine
mount --bind "\$root" "\$root"  # a container can only be started where the root is a mount
for folder in /proc /dev /sys /s3 /tmp "$PWD"; do
    mkdir -p "\$root\$folder"
    mount --rbind "\$folder" "\$root\$folder"
done
# podman knows the old and the new control groups, but no mixture of them.
[[ ! -d /sys/fs/cgroup/unified ]] || mount --bind /sys/fs/cgroup/unified "\$root/sys/fs/cgroup"
cp -L /etc/resolv.conf /etc/hosts "\$root/etc/"
exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot "\$root" "\$@"
END
    printf '#!/usr/bin/env bash\nexec bash %q podman "$@"\n' "$work/bin/inside" >"$work/bin/podman"
    chmod +x "$work/bin/podman"
    apt-config dump Acquire | grep -iE '^Acquire::(http|https)::' >"$work/engine/etc/apt/apt.conf.d/90host" || true
    if [[ ! -x $work/engine/usr/bin/podman ]]; then
        inside apt-get update -qq
        inside apt-get install -y -qq --no-install-recommends crun netavark podman >/dev/null
    fi
    # The containers share the network of this machine and know the certificates that it trusts.
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/engine/etc/host-certificates.crt"
    mkdir -p "$work/engine/etc/containers"
    cat >"$work/engine/etc/containers/containers.conf" <<END
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
netns = "host"
volumes = ["/etc/host-certificates.crt:/run/host-certificates.crt:ro"]
END
    settings=(--change "ENV SSL_CERT_FILE=/run/host-certificates.crt" --change "ENV PIP_CERT=/run/host-certificates.crt")
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL UV_DEFAULT_INDEX; do
        [[ -z ${!name:-} ]] || settings+=(--change "ENV $name=${!name}")
    done
    if ! inside podman image exists localhost/temporec-base:trixie; then
        tar -C "$work/base" -c . | inside podman import --quiet "${settings[@]}" - localhost/temporec-base:trixie
    fi
    export PATH="$work/bin:$PATH"
}

base=()
if ! { podman info || docker info; } >/dev/null 2>&1; then
    work=$(realpath -m "${1:-.image-test}")
    make_engine
    base=(--base localhost/temporec-base:trixie)
fi
python3 -m pipeline.install.images "${base[@]}"
TEMPOREC_TEST_IMAGES=1 .venv/bin/python -m pytest tests/image
