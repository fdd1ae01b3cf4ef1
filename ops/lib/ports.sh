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

# choose_port NAME PORT TAKEN…: prints the port for our own NAME, keeping the one it runs on. Ports named after PORT
# are spoken for by others of ours. Says so on standard error when the wanted one is held.
choose_port() {
  local name=$1 wanted=$2 port recorded=""
  shift 2
  [[ -r $RUN/$name.port ]] && recorded=$(<"$RUN/$name.port")
  if [[ -n $recorded ]] && is_live "$RUN/$name.pid"; then
    printf '%s' "$recorded"
    return
  fi
  port=$wanted
  while port=$(next_free_port "$port") && [[ " $* " == *" $port "* ]]; do port=$((port + 1)); done
  [[ $port == "$wanted" ]] || printf '%s\n' "port $wanted is held by another program: $name takes $port" >&2
  mkdir -p "$RUN"
  printf '%s\n' "$port" >"$RUN/$name.port"
  printf '%s' "$port"
}

# answers HOST PORT: something accepts a connection there.
answers() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }
