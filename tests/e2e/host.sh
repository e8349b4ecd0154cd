#!/usr/bin/env bash
# Makes this machine able to run the end-to-end tests: the action's real image, real workflows, real containers.
#
#   bash tests/e2e/host.sh          set up; prints DOCKER_HOST=…, ENGINE=… (a command line) and JOB_IMAGE=…
#   bash tests/e2e/host.sh --stop   stop the API service that an earlier call started
#
# It needs root, as the tests do: they mount folders and hand files to other users. With a working Docker engine
# (GitHub's runners, most laptops) there is nothing to set up but the job image. Elsewhere it needs Debian, and takes
# podman, whose service speaks Docker's API: that is all `act` asks for.
# A second call takes a second. Nothing outside $state and podman's own storage is changed, packages apart.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=${GTO_CI_E2E_STATE:-/run/gto-ci-e2e}
socket=$state/docker.sock
base=docker.io/library/debian:trixie-slim
job_image=localhost/gto-ci-e2e-job:latest

say() { printf 'host: %s\n' "$*" >&2; }
die() { printf 'host: %s\n' "$*" >&2; exit 1; }

stop() {
  local pid
  pid=$(cat "$state/service.pid" 2>/dev/null) || return 0
  # the number may have passed to another process since: stop it only while it is still our service
  if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "unix://$socket"; then kill "$pid"; fi
  rm -f "$state/service.pid" "$socket"
}

engine_answers() { # 1: socket
  podman --remote --url "unix://$1" version >/dev/null 2>&1
}

install_packages() {
  local missing=() pair
  for pair in podman:podman runc:runc buildah:buildah debootstrap:debootstrap catatonit:catatonit; do
    command -v "${pair%%:*}" >/dev/null || [[ -x /usr/libexec/podman/${pair%%:*} ]] || missing+=("${pair##*:}")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || die "install ${missing[*]}, or start a Docker engine, then call again"
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Settings for machines that are themselves containers or have no systemd: the engine finds no cgroup manager to talk
# to, no network it may make, and limits that it may not raise. They hold for our service alone.
configure() {
  mkdir -p "$state" /etc/containers
  cat >"$state/containers.conf" <<'CONF'
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
  # `FROM debian:trixie-slim` means Docker Hub's image, as it does for Docker
  echo 'unqualified-search-registries = ["docker.io"]' >"$state/registries.conf"
  # podman refuses to work without a policy; Debian's package brings one, other ways to install it may not
  [[ -f /etc/containers/policy.json ]] || echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
  export CONTAINERS_CONF=$state/containers.conf CONTAINERS_REGISTRIES_CONF=$state/registries.conf
}

# The base image from its registry, or, where none is reachable, made of Debian's packages in the way the official
# slim image is: a minimal system without documentation, translations and package caches.
base_image() {
  podman image exists "$base" && return 0
  if timeout 30 podman pull --quiet "$base" >/dev/null 2>&1; then return 0; fi
  say "no image registry in reach: bootstrapping ${base##*/} from Debian's packages"
  local root=$state/rootfs log=$state/debootstrap.log changes=(--change 'CMD ["bash"]')
  rm -rf "$root"
  debootstrap --variant=minbase trixie "$root" >"$log" 2>&1 || { tail -n 5 "$log" >&2; die "debootstrap failed, see $log"; }
  printf 'path-exclude /usr/share/%s/*\n' doc man info locale groff lintian linda >"$root/etc/dpkg/dpkg.cfg.d/docker"
  printf '%s\n' 'Acquire::Languages "none";' 'Acquire::GzipIndexes "true";' \
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };' \
    >"$root/etc/apt/apt.conf.d/docker-clean"
  rm -rf "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/{*.bin,archives/*.deb}
  # a host behind a proxy that signs for itself says so with PIP_CERT: pip inside a build needs that certificate too
  if [[ -f ${PIP_CERT:-} ]]; then
    cp -L "$PIP_CERT" "$root/opt/host-ca.crt"
    changes+=(--change 'ENV PIP_CERT=/opt/host-ca.crt')
  fi
  tar -C "$root" -c . | podman import --quiet "${changes[@]}" - "$base" >/dev/null
  rm -rf "$root"
}

# act asks the engine for its description several times a step, and for each podman has dpkg find out which packages
# its helpers came from: half of a run's time. In the service's own view of the file system dpkg knows nothing, quickly.
serve() {
  engine_answers "$socket" && return 0
  stop
  # shellcheck disable=SC2016  # expanded by the inner shell
  setsid unshare --mount --propagation slave sh -c '
    if [ -x /usr/bin/dpkg ]; then mount --bind /bin/false /usr/bin/dpkg; fi
    cd / # its podman would take a Dockerfile of this folder for that of the build
    exec podman system service --time=0 "$1"
  ' sh "unix://$socket" >"$state/service.log" 2>&1 </dev/null &
  echo $! >"$state/service.pid"
  for _ in $(seq 100); do
    engine_answers "$socket" && return 0
    sleep 0.1
  done
  tail -n 5 "$state/service.log" >&2
  die "the service did not start, see $state/service.log"
}

# Where the workflows' own steps run. They need a shell, git and GNU tools; no node, for no JavaScript action is used.
build_job_image() { # the engine's command line
  "$@" build --quiet --tag "$job_image" --file "$here/job.Dockerfile" "$here" >/dev/null
}

if [[ ${1:-} == --stop ]]; then
  stop
  exit 0
fi
[[ $# == 0 ]] || die "unknown argument $1; known: --stop"
[[ $(id -u) == 0 ]] || die "this needs root: sudo bash $0"

# only a real engine: podman's `docker` look-alike would be asked for settings that it does not have
if command -v docker >/dev/null && docker info --format '{{.ServerVersion}}' >/dev/null 2>&1 && ! docker --version | grep -qi podman; then
  say "a Docker engine is here, nothing to set up"
  build_job_image docker
  echo "ENGINE=docker"
  echo "DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}')"
else
  install_packages
  configure
  base_image
  serve
  engine=(podman --remote --url "unix://$socket")
  build_job_image "${engine[@]}"
  echo "ENGINE=${engine[*]}"
  echo "DOCKER_HOST=unix://$socket"
fi
# act mounts the workspace where GitHub mounts it for container actions; the tests bind their folders to this point,
# each run in a mount namespace of its own
mkdir -p /github/workspace
echo "JOB_IMAGE=$job_image"
