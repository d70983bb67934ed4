# Shared by tools/run and tools/test, which source it from the top of the source tree, with their
# words, and with their own path in $script.
# Installs only what is missing, and needs root only for that.

packages=(g++ cmake ninja-build ccache pkg-config libxxhash-dev libfmt-dev libcli11-dev
  nlohmann-json3-dev libedit-dev libgtest-dev librapidcheck-dev python3 python3-xxhash
  lmdb-utils db5.3-util)

# The comment that a script begins with is its help.
if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
  sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "$script"
  exit 0
fi

say() { printf '== %s\n' "$*"; }

# install_missing PACKAGE…
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "This is no Debian: nothing is installed; tools/common.sh lists what is needed"
    return
  fi
  local missing=() package
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "All packages are there"
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "Some packages are missing, and there is no sudo. As root:" >&2
      say "apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# configure_build: g++, optimised, into ./build.
configure_build() {
  say "Configuring ./build"
  cmake -S . -B build -G Ninja -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release \
    -D HOLDFAST_TESTS=ON -D HOLDFAST_TOOLS=ON -D HOLDFAST_SANITIZE= >/dev/null
}
