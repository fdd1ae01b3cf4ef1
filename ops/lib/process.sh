# shellcheck shell=bash
# Processes by pid file. A pid file is believed only if the process of that number is still the one that was written
# down: beside NAME.pid stands NAME.pid.start with its start time and the boot it belongs to. So a pid that the system
# has given to somebody else is never signalled.

# process_mark PID: what tells this process from a later one of the same number; fails if it is gone or a zombie.
process_mark() {
  local stat boot fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # The second field is the command in brackets, and may hold blanks and brackets: read after the last one.
  read -r -a fields <<<"${stat##*) }"
  [[ ${fields[0]} != Z && ${fields[0]} != X ]] || return 1
  boot=$(</proc/sys/kernel/random/boot_id)
  printf '%s %s' "${fields[19]}" "$boot"
}

# write_pid FILE PID
write_pid() {
  process_mark "$2" >"$1.start" || return 1
  printf '%s\n' "$2" >"$1.part" && mv -f "$1.part" "$1"
}

# live_pid FILE: prints the pid if that very process lives, else fails.
live_pid() {
  local pid noted now
  [[ -r $1 && -r $1.start ]] || return 1
  pid=$(<"$1")
  [[ $pid =~ ^[1-9][0-9]*$ ]] || return 1
  noted=$(<"$1.start")
  now=$(process_mark "$pid") || return 1
  [[ $noted == "$now" ]] || return 1
  printf '%s' "$pid"
}

is_live() { live_pid "$1" >/dev/null; }
is_gone() { ! is_live "$1"; }
forget_pid() { rm -f "$1" "$1.start" "$1.part" "$1.asked"; }

# signal_pid_file SIGNAL FILE: only ever reaches the process that the file was written for.
signal_pid_file() {
  local pid
  pid=$(live_pid "$2") || return 0
  kill "-$1" "$pid" 2>/dev/null || true
}

# ask_pid_file FILE: sends TERM, but never a second one to the same process: for a service that is a crash.
ask_pid_file() {
  local mark
  live_pid "$1" >/dev/null || return 0
  mark=$(<"$1.start")
  [[ ! -r $1.asked || $(<"$1.asked") != "$mark" ]] || return 0
  printf '%s\n' "$mark" >"$1.asked"
  signal_pid_file TERM "$1"
}

# stop_pid_file FILE SECONDS: asks with TERM unless that was done before, insists with KILL after SECONDS.
stop_pid_file() {
  ask_pid_file "$1"
  if ! wait_until "$2" is_gone "$1"; then
    signal_pid_file KILL "$1"
    wait_until 10 is_gone "$1" || return 1
  fi
  forget_pid "$1"
}

# drain_seconds: how long a service may take to finish what it has in hand.
drain_seconds() {
  local seconds=${TESSERA_DRAIN_SECONDS:-15}
  [[ $seconds =~ ^[0-9]{1,5}$ ]] || seconds=15
  printf '%d' "$((10#$seconds))"
}

# resident_mib PID
resident_mib() {
  awk '/^VmRSS:/ { printf "%d", ($2 + 512) / 1024 }' "/proc/$1/status" 2>/dev/null
}
