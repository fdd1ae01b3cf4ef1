#!/usr/bin/env bash
# Tests of the keeper, pid files, ports and settings, with plain programs in the place of services: no broker needed.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

keep() { start_kept "$1" mark "${@:2}"; }
pid_changed() { [[ $(live_pid "$RUN/$1.pid") != "$2" ]] && is_live "$RUN/$1.pid"; }
number_is() { [[ -r $1 && $(<"$1") == "$2" ]]; }
log_has() { grep -q "$2" "$LOGS/$1.log" 2>/dev/null; }
log_is_cut() { [[ -e $LOGS/$1.log.1 ]] && (($(stat -c %s "$LOGS/$1.log") <= $2)); }

test_keeper_starts_a_killed_program_again() {
  local before
  keep thing sleep 1000
  before=$(live_pid "$RUN/thing.pid")
  kill -KILL "$before"
  expect_within 5 "another process" pid_changed thing "$before"
  expect_within 5 "the count of restarts" number_is "$RUN/thing.restarts" 1
  stop_kept thing
}

# It sleeps no longer than a blink, whatever it wants to: what it wants is in its log.
test_keeper_waits_longer_each_time() {
  local waits
  mkdir "$ROOT/blink"
  printf '#!/bin/sh\nexec %s 0.01\n' "$(type -P sleep)" >"$ROOT/blink/sleep"
  chmod +x "$ROOT/blink/sleep"
  PATH=$ROOT/blink:$PATH keep thing bash -c 'exit 3'
  # shellcheck disable=SC2317 # expect_within calls it
  waits_are_said() { (($(grep -c 'ended with 3 .* again in' "$LOGS/thing.log") >= 8)); }
  expect_within 60 "eight waits" waits_are_said
  waits=$(sed -n 's/.*ended with 3 .* again in \([0-9]*\) ms/\1/p' "$LOGS/thing.log" | head -n 8 | tr '\n' ' ')
  expect_equal "the waits" "200 400 800 1600 3200 6400 10000 10000 " "$waits"
  stop_kept thing
}

test_keeper_passes_term_on_and_ends() {
  keep thing bash -c 'trap "echo drained; exit 0" TERM; echo ready; while :; do sleep 0.1; done'
  expect_within 5 "the program's first line" log_has thing ready
  stop_kept thing
  log_has thing drained || fail "the program was not asked to end"
  expect_equal "pid files that stay" "" "$(compgen -G "$RUN/thing*pid*")"
}

# A service: drains for a second after the first signal, and is ended by a second one.
# shellcheck disable=SC2016 # for the inner shell
draining='n=0; stop() { n=$((n + 1)); echo "signal $n"; ((n < 2)) || exit 130; }; trap stop TERM INT; echo ready
  nap() { sleep 0.1 & wait $!; }; while ((n == 0)); do nap; done; for at in 1 2 3 4 5 6 7 8 9 10; do nap; done; echo drained'

# keep_draining: until it has said that it is ready.
keep_draining() {
  keep thing bash -c "$draining"
  expect_within 5 "the program's first line" log_has thing ready
}

expect_drained() {
  log_has thing drained || fail "its work in hand was not finished:" "$(cat "$LOGS/thing.log")"
  expect_equal "signals" "signal 1" "$(grep '^signal' "$LOGS/thing.log")"
  log_has thing "ended with 0 as asked" || fail "the keeper does not say how it ended"
}

test_a_stop_is_one_signal() {
  keep_draining
  stop_kept thing
  expect_drained
}

test_a_stop_asked_for_twice_is_one_signal() {
  local first
  keep_draining
  stop_kept thing &
  first=$!
  expect_within 5 "the first signal" log_has thing "signal 1"
  stop_kept thing
  wait "$first"
  expect_drained
}

# What ctrl-C and service managers do: the whole group, keeper and all, gets the signal, perhaps more than once.
test_a_signal_to_the_keeper_s_group_is_one_signal() {
  local group signal
  for signal in INT TERM; do
    : >"$LOGS/thing.log"
    # Not by start_kept: what a shell starts in the background is deaf to INT.
    env --default-signal=INT setsid "$OPS/keeper" thing -- bash -c "$draining" </dev/null >/dev/null 2>&1 &
    disown $!
    expect_within 5 "the program's first line" log_has thing ready
    group=$(live_pid "$RUN/thing.keeper.pid")
    kill "-$signal" -- "-$group"
    expect_within 5 "the first signal" log_has thing "signal 1"
    kill "-$signal" -- "-$group" 2>/dev/null
    expect_within 10 "the keeper's end" is_gone "$RUN/thing.keeper.pid"
    expect_drained
  done
}

test_a_program_without_its_keeper_is_asked_once() {
  local pid
  keep_draining
  pid=$(live_pid "$RUN/thing.pid")
  kill -KILL "$(live_pid "$RUN/thing.keeper.pid")"
  expect_within 5 "the keeper's end" is_gone "$RUN/thing.keeper.pid"
  stop_kept thing
  process_mark "$pid" >/dev/null && fail "$pid still lives"
  log_has thing drained || fail "its work in hand was not finished"
  expect_equal "signals" "signal 1" "$(grep '^signal' "$LOGS/thing.log")"
}

# A keeper is given the time that it was started with, whatever the settings are now.
test_a_long_drain_is_waited_for() {
  local pid
  TESSERA_KEEPER_STOP_SECONDS=60 keep thing bash -c 'trap "sleep 3; echo drained; exit 0" TERM; echo ready; while :; do sleep 0.1; done'
  expect_within 5 "the program's first line" log_has thing ready
  # shellcheck disable=SC2317 # stop_kept calls it
  drain_seconds() { printf -- -16; } # whoever reckons with these gives up after a second
  stop_kept thing
  log_has thing drained || fail "it was killed before it had ended"
}

test_keeper_kills_what_does_not_end() {
  local pid
  export TESSERA_KEEPER_STOP_SECONDS=1
  keep thing bash -c 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'
  expect_within 5 "the program's first line" log_has thing deaf
  pid=$(live_pid "$RUN/thing.pid")
  stop_kept thing
  process_mark "$pid" >/dev/null && fail "$pid still lives"
  log_has thing "did not end within 1 s" || fail "the log does not say that it was killed"
}

test_keeper_bounds_the_log() {
  export TESSERA_KEEPER_LOG_BYTES=20000
  keep thing bash -c 'while :; do echo "a line of the log, and some more of it"; done | head -c 100000; exec sleep 1000'
  expect_within 15 "a log that was cut" log_is_cut thing 20000
  stop_kept thing
}

test_program_outlives_its_keeper_and_is_found() {
  local pid
  keep thing sleep 1000
  pid=$(live_pid "$RUN/thing.pid")
  kill -KILL "$(live_pid "$RUN/thing.keeper.pid")"
  expect_within 5 "the keeper's end" is_gone "$RUN/thing.keeper.pid"
  expect_equal "the program's pid" "$pid" "$(live_pid "$RUN/thing.pid")"
  is_kept thing mark && fail "a program without a keeper counts as kept"
  stop_kept thing
  process_mark "$pid" >/dev/null && fail "$pid still lives"
  return 0
}

test_pid_of_another_process_is_never_signalled() {
  local stranger
  sleep 1000 &
  stranger=$!
  printf '%s\n' "$stranger" >"$RUN/thing.pid"
  printf '12345 %s' "$(</proc/sys/kernel/random/boot_id)" >"$RUN/thing.pid.start"
  expect_dies "trusting a reused pid" live_pid "$RUN/thing.pid"
  stop_kept thing
  process_mark "$stranger" >/dev/null || fail "a stranger was ended"
  write_pid "$RUN/thing.pid" "$stranger"
  expect_equal "the pid of the process itself" "$stranger" "$(live_pid "$RUN/thing.pid")"
  for rubbish in "" -1 0 "1 2" "1; true" x; do
    printf '%s\n' "$rubbish" >"$RUN/thing.pid"
    expect_dies "trusting '$rubbish'" live_pid "$RUN/thing.pid"
  done
  kill "$stranger"
}

test_held_port_is_left_alone() {
  local held chosen kept
  held=$(awk '$4 == "0A" { split($2, a, ":"); print a[2]; exit }' /proc/net/tcp)
  [[ -n $held ]] || fail "nothing listens here: no port to try with"
  held=$((16#$held))
  chosen=$(choose_port thing thing "$held" 2>"$ROOT/said")
  ((chosen > held)) || fail "port $held is held, and $chosen was chosen"
  grep -q "port $held is held .* takes $chosen" "$ROOT/said" || fail "nothing was said about it"
  port_is_held "$chosen" && fail "$chosen is held too"
  # While the one that has it runs, the port stays, although the wanted one may be free by now.
  keep thing sleep 1000
  kept=$(choose_port thing thing "$held" 2>/dev/null)
  expect_equal "the port of a running program" "$chosen" "$kept"
  expect_equal "a port spoken for" "$((chosen + 1))" "$(choose_port other other "$chosen" "$chosen" 2>/dev/null)"
  stop_kept thing
}

test_addresses_from_the_env_file_are_not_given_ones() {
  printf '9094 9092\n' >"$RUN/kafka.port"
  expect_dies "without the file" came_from_env_file kafka "$HOST:9094" "" ""
  export TESSERA_ENV_FILE=$ENV_FILE
  came_from_env_file kafka "$HOST:9094" "" "" || fail "our own broker counts as given"
  expect_dies "another port" came_from_env_file kafka "$HOST:9092" "" ""
  expect_dies "no record" came_from_env_file redis "redis://$HOST:6379/0" redis:// /0
}

# What ops/up does in a shell that sourced var/env must not move a page that runs, wherever it ended up.
test_page_stays_where_it_is() {
  local wanted first
  wanted=$(random_free_port)
  printf '%s %s\n' "$((wanted + 1))" "$wanted" >"$RUN/web.port" # the wanted one was held
  keep web sleep 1000
  for at in "$HOST" 0.0.0.0; do
    export TESSERA_ENV_FILE=$ENV_FILE TESSERA_HTTP_ADDR=$at:$((wanted + 1))
    settle_page
    expect_equal "the address from var/env" "$at:$((wanted + 1))" "$TESSERA_HTTP_ADDR"
    expect_equal "how it is reached" "http://$HOST:$((wanted + 1))" "$TESSERA_URL"
    unset TESSERA_ENV_FILE
    export TESSERA_HTTP_ADDR=$at:$wanted
    settle_page
    expect_equal "the address asked for again" "$at:$((wanted + 1))" "$TESSERA_HTTP_ADDR"
  done
  first=$(random_free_port)
  TESSERA_HTTP_ADDR=$HOST:$first
  settle_page
  expect_equal "another address" "$HOST:$first" "$TESSERA_HTTP_ADDR"
  stop_kept web
}

test_env_file_survives_the_shell_and_is_private() {
  export TESSERA_STORE="file:///a b/\$x'\"" TESSERA_TEST_KAFKA_BROKERS=no TESSERA_NAME=no
  write_env_file
  expect_equal "the file's mode" 600 "$(stat -c %a "$ENV_FILE")"
  # shellcheck disable=SC2016 # for the inner shell
  expect_equal "a setting read back" "file:///a b/\$x'\"" "$(env -i bash -c '. "$0" && printf %s "$TESSERA_STORE"' "$ENV_FILE")"
  grep -qE 'TESSERA_(TEST|NAME)' "$ENV_FILE" && fail "it holds settings of a single process"
  return 0
}

# A setting given once holds; the caller's wins; an empty one goes back to the default.
test_settings_are_kept_until_they_are_changed() {
  export TESSERA_SYNC=none TESSERA_STORE="file:///a b/\$x'\"" TESSERA_STALL_MS=30000
  write_env_file
  unset TESSERA_SYNC TESSERA_STORE TESSERA_STALL_MS TESSERA_ENV_FILE
  export TESSERA_STALL_MS=10000
  keep_settings
  expect_equal "given once" none "$(printenv TESSERA_SYNC)"
  expect_equal "quoted" "file:///a b/\$x'\"" "$(printenv TESSERA_STORE)"
  expect_equal "changed" 10000 "$(printenv TESSERA_STALL_MS)"
  expect_equal "what is shown" "TESSERA_STALL_MS=10000
TESSERA_STORE=file:///a b/\$x'\"
TESSERA_SYNC=none" "$(given_settings)"
  write_env_file
  unset TESSERA_STALL_MS
  export TESSERA_SYNC=
  keep_settings
  expect_equal "emptied" "" "${TESSERA_SYNC-}"
  expect_equal "kept from the second time" 10000 "$TESSERA_STALL_MS"
  write_env_file
  grep -q TESSERA_SYNC "$ENV_FILE" && fail "the default is written down as if it were given"
  return 0
}

test_results_are_summed_and_emptiness_is_a_failure() {
  DIR=$ROOT
  tests good 10 bash -c 'echo "test result: ok. 3 passed; 0 failed; 1 ignored"; echo "test result: ok. 4 passed; 0 failed; 0"' >/dev/null
  expect_equal "passed, failed" "7 0" "$PASSED $FAILED"
  tests bad 10 bash -c 'echo "test result: FAILED. 1 passed; 2 failed; 0"; exit 101' >/dev/null
  expect_equal "passed, failed" "8 2" "$PASSED $FAILED"
  tests broken 10 bash -c 'echo "error: could not compile"; exit 101' >/dev/null
  tests empty 10 bash -c 'echo "test result: ok. 0 passed; 0 failed; 0"' >/dev/null 2>&1
  tests endless 1 sleep 1000 >/dev/null 2>&1
  expect_equal "the last line" "8 passed, 5 failed" "$(finish | tail -n 1)"
  expect_dies "the exit code" finish
}

test_debug_information_goes_into_a_file_of_its_own() {
  local program=$ROOT/bin/thing before
  mkdir -p "$ROOT/bin/deps"
  printf 'int answer(int x) {\n  return x * 42;\n}\nint main(void) { return answer(0); }\n' >"$ROOT/thing.c"
  gcc -g -o "$program" "$ROOT/thing.c" || fail "there is no gcc"
  ln "$program" "$ROOT/bin/deps/thing-0123"
  split_programs "$program" "$ROOT/bin/missing"
  readelf -SW "$program" | grep -q '\.debug_info\|\.symtab' && fail "debug information is left in the program"
  "$program" || fail "the program does not run any more"
  [[ $program -ef $ROOT/bin/deps/thing-0123 ]] || fail "cargo's other name has another file"
  readelf -x .gnu_debuglink "$program" | grep -q thing.debu || fail "the program does not name its debug file"
  nm "$program.debug" | grep -q ' answer$' || fail "the debug file does not know the functions"
  before=$(stat -c '%i %Y' "$program")
  split_programs "$program"
  expect_equal "a program that is split already" "$before" "$(stat -c '%i %Y' "$program")"
}

test_down_purges_and_status_says_what_to_do() {
  keep thing sleep 1000
  "$OPS/down" >/dev/null || fail "ops/down failed"
  is_live "$RUN/thing.pid" && fail "ops/down left a process"
  [[ -d $VAR ]] || fail "ops/down without --purge removed var/"
  expect_dies "status before the first ops/up" "$OPS/status"
  mkdir -p "$VAR/store/job"
  "$OPS/down" --purge >/dev/null || fail "ops/down --purge failed"
  [[ ! -e $VAR ]] || fail "ops/down --purge left var/"
}

test_wrong_arguments_are_named() {
  local line
  for line in "up --workers" "up --workers 0" "up --workers 65" "up --wrong" "down all" "status web" "scale workers" \
    "scale workers -1" "scale workers 65" "scale web 2" "test slow" "keeper"; do
    # shellcheck disable=SC2086 # words
    expect_dies "ops/$line" "$OPS"/$line
  done
  for line in up down status scale test; do
    "$OPS/$line" --help | grep -q "^ops/$line" || fail "ops/$line --help says nothing"
  done
}

run_tests
