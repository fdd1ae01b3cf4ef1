# shellcheck shell=bash
# Where things are, and how the commands in ops/ speak. Sourced first by each of them; starts nothing.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
OPS=$ROOT/ops
VAR=$ROOT/var
RUN=$VAR/run
LOGS=$VAR/log
BIN=$ROOT/target/release

# load_parts NAME…: the libraries ops/lib/NAME.sh.
load_parts() {
  local part
  for part in "$@"; do . "$OPS/lib/$part.sh"; done
}

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die TEXT…: one line a TEXT, the first being what failed, the others what to do.
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Milliseconds, for durations.
now_ms() {
  local now=${EPOCHREALTIME/[.,]/}
  printf '%s' "$((now / 1000))"
}

# seconds_since MS: with one decimal.
seconds_since() {
  local took=$(($(now_ms) - $1))
  printf '%d.%d' "$((took / 1000))" "$((took % 1000 / 100))"
}

# wait_until SECONDS COMMAND…: asks every 100 ms; fails when COMMAND never succeeded in that time.
wait_until() {
  local deadline=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    (($(now_ms) < deadline)) || return 1
    sleep 0.1
  done
}

# One command at a time may change what runs. The lock is on descriptor 9: whatever outlives the command must close it.
lock_operations() {
  mkdir -p "$RUN" "$LOGS"
  exec 9>"$RUN/ops.lock"
  flock -n 9 && return
  say "waiting for another ops command of this clone to end"
  flock -w 600 9 || die "another ops command still holds $RUN/ops.lock" "look for it with: fuser $RUN/ops.lock"
}

# print_help FILE: the comment at the head of the command's own file.
print_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"; }
