# shellcheck shell=bash
# What runs, each under a keeper: starting, stopping, and whether it is ready. Nothing here decides settings.

# service_names WORKERS: Tessera's own processes, in the order they are shown.
service_names() {
  local n
  printf '%s\n' web splitter
  for ((n = 1; n <= $1; n++)); do echo "worker-$n"; done
  printf '%s\n' stitcher-1 monitor
}

# kept_names: everything under var/run that has or had a keeper.
kept_names() {
  local file name
  for file in "$RUN"/*.pid; do
    [[ -e $file ]] || continue
    name=$(basename "$file" .pid)
    echo "${name%.keeper}"
  done | sort -u -V
}

program_of() {
  case $1 in
    web) echo "$BIN/tessera-web" ;;
    splitter) echo "$BIN/tessera-splitter" ;;
    worker-*) echo "$BIN/tessera-worker" ;;
    stitcher-*) echo "$BIN/tessera-stitcher" ;;
    monitor) echo "$BIN/tessera-monitor" ;;
    *) return 1 ;;
  esac
}

# service_command NAME: fills the array COMMAND; settings come from the environment.
service_command() {
  COMMAND=(env "TESSERA_NAME=$1")
  case $1 in
    worker-* | stitcher-*) COMMAND+=("TESSERA_INSTANCE=${1##*-}") ;;
  esac
  COMMAND+=("$(program_of "$1")")
}

# mark_of FILE… -- COMMAND…: changes when a file's content or the command does.
mark_of() {
  local files=()
  while [[ $1 != -- ]]; do
    files+=("$1")
    shift
  done
  { printf '%s\n' "$@"; sha256sum "${files[@]}"; } | sha256sum | cut -c1-64
}

# is_kept NAME MARK: runs under its keeper, started with the same MARK.
is_kept() {
  is_live "$RUN/$1.keeper.pid" && is_live "$RUN/$1.pid" && [[ -r $RUN/$1.mark && $(<"$RUN/$1.mark") == "$2" ]]
}

# start_kept NAME MARK COMMAND…: in a session of its own, so that it outlives the terminal.
start_kept() {
  local name=$1 mark=$2
  shift 2
  printf '%s\n' "$mark" >"$RUN/$name.mark"
  setsid "$OPS/keeper" "$name" -- "$@" </dev/null >/dev/null 2>>"$LOGS/$name.log" 9>&- &
  disown $! # the shell has nothing to say about its end
  wait_until 10 is_live "$RUN/$name.pid" || die "$name did not start" "its log: $LOGS/$name.log"
}

# patience_of NAME: seconds to wait for its end: longer than its keeper does, which may have had other settings.
patience_of() {
  local seconds=''
  [[ ! -r $RUN/$1.patience ]] || seconds=$(<"$RUN/$1.patience")
  [[ $seconds =~ ^[0-9]{1,5}$ ]] || seconds=$(($(drain_seconds) + 10))
  printf '%d' "$((10#$seconds + 7))"
}

# stop_kept NAME…: all are asked at once, and once, then waited for. A process whose keeper died is asked itself.
stop_kept() {
  local name patience
  for name in "$@"; do
    if is_live "$RUN/$name.keeper.pid"; then ask_pid_file "$RUN/$name.keeper.pid"; else ask_pid_file "$RUN/$name.pid"; fi
  done
  for name in "$@"; do
    patience=$(patience_of "$name")
    stop_pid_file "$RUN/$name.keeper.pid" "$patience" || warn "the keeper of $name did not end"
    stop_pid_file "$RUN/$name.pid" "$patience" || warn "$name did not end"
    rm -f "$RUN/$name.addr" "$RUN/$name.mark" "$RUN/$name.restarts" "$RUN/$name.patience"
  done
}

# ensure_services NAME…: restarts those whose program or settings changed, starts those that are not there.
# Leaves in CHANGED what it started.
ensure_services() {
  local name mark start=() marks=()
  CHANGED=()
  for name in "$@"; do
    service_command "$name"
    mark=$(mark_of "$ENV_FILE" "$(program_of "$name")" -- "${COMMAND[@]}")
    is_kept "$name" "$mark" && continue
    start+=("$name") marks+=("$mark")
  done
  ((${#start[@]})) || return 0
  stop_kept "${start[@]}"
  for name in "${!start[@]}"; do
    service_command "${start[$name]}"
    start_kept "${start[$name]}" "${marks[$name]}" "${COMMAND[@]}"
  done
  CHANGED=("${start[@]}")
  say "started ${start[*]}"
}

# address_of NAME: where it listens, if it says so.
address_of() {
  local port
  case $1 in
    kafka | redis) port=$(recorded_port "$1") && printf '%s:%s' "$HOST" "$port" ;;
    *) cat "$RUN/$1.addr" 2>/dev/null ;;
  esac
}

# is_ready NAME
is_ready() {
  local address
  address=$(address_of "$1")
  [[ -n $address ]] && is_live "$RUN/$1.pid" || return 1
  case $1 in
    kafka) answers "${address%:*}" "${address##*:}" ;;
    redis) redis_answers "${address%:*}" "${address##*:}" ;;
    *) curl -fsS --noproxy '*' --max-time 2 -o /dev/null "http://$address/readyz" 2>/dev/null ;;
  esac
}

# wait_ready SECONDS NAME…: shows why, when one does not become ready.
wait_ready() {
  local seconds=$1 name address
  shift
  for name in "$@"; do
    wait_until "$seconds" is_ready "$name" && continue
    address=$(address_of "$name")
    warn "$name is not ready after $seconds s; the end of $LOGS/$name.log:"
    tail -n 15 "$LOGS/$name.log" >&2
    if [[ -n $address && $name != kafka && $name != redis ]]; then
      warn "what it says itself:"
      curl -sS --noproxy '*' --max-time 2 "http://$address/readyz" >&2
    fi
    die "$name is not ready" "mend what its log names, then run ops/up again"
  done
}
