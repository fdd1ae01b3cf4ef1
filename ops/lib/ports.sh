# shellcheck shell=bash
# Ports of this machine. Who listens is read from the kernel's tables: no connection is made to strangers.

# port_is_held PORT: somebody listens on it, on whatever address.
port_is_held() {
  local hex
  printf -v hex '%04X' "$1"
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$hex" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == port) { found = 1; exit } } END { exit !found }'
}

# next_free_port PORT: that one, or the first above it that nobody holds.
next_free_port() {
  local port=$1
  while port_is_held "$port"; do
    port=$((port + 1))
    ((port < 65536)) || return 1
  done
  printf '%s' "$port"
}

# random_free_port: from below the range that the kernel hands out for outgoing connections.
random_free_port() {
  local port attempt
  for attempt in {1..200}; do
    port=$((10000 + (RANDOM * 32768 + RANDOM) % 20000))
    if ! port_is_held "$port"; then
      printf '%s' "$port"
      return
    fi
  done
  die "found no free port in $attempt tries"
}

# recorded_port LABEL: the one that choose_port gave out last.
recorded_port() {
  local port rest
  { read -r port rest <"$RUN/$1.port"; } 2>/dev/null && printf '%s' "$port"
}

# choose_port LABEL KEEPER PORT TAKEN…: prints the port for what LABEL names; the recorded one while its KEEPER lives
# and PORT is still what was wanted. TAKEN are spoken for by others of ours. Says so on standard error when PORT is held.
choose_port() {
  local label=$1 keeper=$2 wanted=$3 port before
  shift 3
  if is_live "$RUN/$keeper.keeper.pid" && read -r port before <"$RUN/$label.port" && [[ $before == "$wanted" ]]; then
    printf '%s' "$port"
    return
  fi
  port=$wanted
  while port=$(next_free_port "$port") && [[ " $* " == *" $port "* ]]; do port=$((port + 1)); done
  [[ -n $port ]] || die "no free port from $wanted on for $label" "end what holds them, or name another"
  [[ $port == "$wanted" ]] || say "port $wanted is held by another program: $label takes $port" >&2
  printf '%s %s\n' "$port" "$wanted" >"$RUN/$label.port"
  printf '%s' "$port"
}

# answers HOST PORT: something accepts a connection there within 5 s.
answers() {
  # shellcheck disable=SC2016 # for the inner shell, which timeout can end
  timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
}
