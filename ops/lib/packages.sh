# shellcheck shell=bash
# What the machine must have, and how it gets it. Tools are looked for by what they do, not by package: one that came
# from elsewhere serves as well. Root is needed only when a package is missing.

RUST_NEEDED=1.95

# package_for TOOL: the Debian package that brings it.
package_for() {
  case $1 in
    java) java_package ;;
    mvn) echo maven ;;
    redis-cli) echo redis-tools ;;
    g++) echo g++ ;;
    zlib.h) echo zlib1g-dev ;;
    chromedriver) echo chromium-driver ;;
    *) echo "$1" ;;
  esac
}

java_package() {
  local package
  for package in openjdk-17-jre-headless openjdk-21-jre-headless; do
    if apt-cache show "$package" >/dev/null 2>&1; then
      echo "$package"
      return
    fi
  done
  echo default-jre-headless
}

java_is_17() {
  local version
  have java || return 1
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
  [[ -n $version ]] && ((version >= 17))
}

has_tool() {
  case $1 in
    java) java_is_17 ;;
    zlib.h) have gcc && echo '#include <zlib.h>' | gcc -E - >/dev/null 2>&1 ;;
    *) have "$1" ;;
  esac
}

# missing_tools TOOL…: prints those that are not there.
missing_tools() {
  local tool
  for tool in "$@"; do has_tool "$tool" || echo "$tool"; done
}

is_debian() { have apt-get && have dpkg; }

# as_root COMMAND…
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif have sudo; then
    sudo -- "$@"
  else
    die "root is needed to install packages, and there is no sudo" "run as root: $*"
  fi
}

# install_tools TOOL…: the packages for them, if Debian; else says what to provide.
install_tools() {
  local tool packages=()
  is_debian || die_provide "$@"
  if [[ " $* " == *" java "* ]] && ! apt-cache show default-jre-headless >/dev/null 2>&1; then refresh_packages; fi
  for tool in "$@"; do packages+=("$(package_for "$tool")"); done
  step "installing ${packages[*]}"
  apt_install "${packages[@]}" && return
  refresh_packages
  apt_install "${packages[@]}" || die "apt could not install ${packages[*]}" "see its message above"
}

refresh_packages() { as_root apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null; }

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "$@" </dev/null
}

# die_provide TOOL…: for systems whose packages we do not know.
die_provide() {
  die "this is not Debian, and these are missing: $*" \
    "provide these five, then run the command again:" \
    "1. a Rust toolchain, $RUST_NEEDED or newer      2. a C and C++ compiler with make, cmake, pkg-config, zlib's headers, nasm" \
    "3. a Java runtime, 17 or newer     4. Maven (mvn)     5. Redis, server and tools (redis-server, redis-cli)"
}

# check_rust: stops unless rustc and cargo are new enough.
check_rust() {
  local version="" advice=(
    "Rust $RUST_NEEDED or newer is needed. To get it:"
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
    "or, where rustup is already there: rustup update stable && rustup default stable"
  )
  have cargo || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  have cargo && have rustc && version=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
  [[ -n $version ]] || die "no Rust toolchain found" "${advice[@]}"
  [[ $(printf '%s\n' "$RUST_NEEDED" "$version" | sort -V | head -n 1) == "$RUST_NEEDED" ]] ||
    die "Rust $version at $(command -v rustc) is too old" "${advice[@]}"
}

# check_rust_parts: the formatter and the linter, which a minimal toolchain does not bring.
check_rust_parts() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  have rustup && rustup component add rustfmt clippy </dev/null && return
  die "cargo fmt or cargo clippy is missing" "add them to the toolchain: rustup component add rustfmt clippy"
}

BUILD_TOOLS=(gcc g++ make cmake pkg-config zlib.h nasm curl)
KAFKA_TOOLS=(java)
REDIS_TOOLS=(redis-server redis-cli)
