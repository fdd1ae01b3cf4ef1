#!/usr/bin/env bash
# Tests of ops/up, status, scale and down with the programs as built, on a Kafka and a Redis that ops/up starts itself.
# TESSERA_TEST_BIN_DIR names the programs, TESSERA_TEST_KAFKA_LIBS the jars: nothing is built or fetched here.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"
: "${TESSERA_TEST_BIN_DIR:?names the folder of the programs; ops/test sets it}"
: "${TESSERA_TEST_KAFKA_LIBS:?names the folder of the jars of Kafka; ops/test sets it}"

# The copy has programs and jars by name; a cargo that builds nothing stands before the real one.
borrow_what_is_built() {
  mkdir -p target var/kafka tools
  ln -s "$TESSERA_TEST_BIN_DIR" target/release
  ln -s "$TESSERA_TEST_KAFKA_LIBS" var/kafka/libs
  printf '#!/bin/sh\nexit 0\n' >tools/cargo
  chmod +x tools/cargo
  PATH=$ROOT/tools:$PATH
  TESSERA_HTTP_ADDR=$HOST:$(random_free_port)
  export TESSERA_HTTP_ADDR
}

# Its output is in $ROOT/said.
up() {
  "$OPS/up" >said 2>&1 || fail "ops/up failed:" "$(cat said)"
}

said() { grep -q "$1" said || fail "ops/up did not say '$1':" "$(cat said)"; }
all_ready() { "$OPS/status" >status 2>&1; }
pids() { for name in "$@"; do live_pid "$RUN/$name.pid" || fail "$name does not run"; echo; done; }

# kill_and_wait NAME…: kill -9, then all are other processes, and ready.
kill_and_wait() {
  local name before
  for name in "$@"; do
    before=$(live_pid "$RUN/$name.pid") || fail "$name does not run"
    kill -KILL "$before"
    expect_within 20 "another $name" pid_changed "$name" "$before"
  done
  expect_within 60 "everything ready after kill -9 of $*" all_ready
}

pid_changed() { [[ $(live_pid "$RUN/$1.pid") != "$2" ]] && is_live "$RUN/$1.pid"; }

test_up_from_nothing_to_the_sample_and_back() {
  local started all=(kafka redis web splitter worker-1 worker-2 stitcher-1 monitor) before left name
  borrow_what_is_built
  up
  said "byte-identical"
  all_ready || fail "not everything is ready after ops/up:" "$(cat status)"
  load_env_file
  curl -fsS --noproxy '*' -o page "$TESSERA_URL/" || fail "no page at $TESSERA_URL"
  grep -qi '<form' page || fail "the page has no form"

  before=$(pids "${all[@]}")
  started=$(now_ms)
  up
  (($(now_ms) - started < 10000)) || fail "ops/up took $(seconds_since "$started") s although nothing had changed"
  said "nothing had changed"
  expect_equal "pids after ops/up again, from a shell with var/env" "$before" "$(pids "${all[@]}")"

  "$OPS/scale" workers 3 >said 2>&1 || fail "ops/scale failed:" "$(cat said)"
  is_live "$RUN/worker-3.pid" || fail "there is no third worker"
  "$OPS/scale" workers 1 >said 2>&1 || fail "ops/scale failed:" "$(cat said)"
  is_live "$RUN/worker-2.pid" && fail "the second worker still runs"

  kill_and_wait web splitter worker-1 stitcher-1 monitor
  kill_and_wait redis kafka
  up
  said "byte-identical"

  left=$(pids kafka redis web splitter worker-1 stitcher-1 monitor)
  "$OPS/down" --purge >said 2>&1 || fail "ops/down failed:" "$(cat said)"
  for name in $left; do process_mark "$name" >/dev/null && fail "process $name outlived ops/down"; done
  [[ ! -e $VAR ]] || fail "ops/down --purge left var/"
}

# has_worker_a_tile NAME JOB: Redis notes it against a tile of the job's first stage.
has_worker_a_tile() {
  local incarnation
  incarnation=$(redis_says HGET "worker:$1" incarnation)
  [[ -n $incarnation ]] && redis_says HVALS "job:{$2}:tries:0" | grep -q "$incarnation"
}
redis_says() { redis-cli -u "$TESSERA_REDIS_URL" --raw "$@" 2>/dev/null; }
job_is_done() { curl -fsS --noproxy "*" "$TESSERA_URL/api/v1/jobs/$1" 2>/dev/null | grep -q "\"status\":\"done\""; }

# The workers take their time in each tile, so that all have one in hand when they are asked to stop.
test_scale_down_under_load_finishes_the_tiles_in_hand() {
  local job name machine
  borrow_what_is_built
  export TESSERA_TILE_DELAY_MS=1500
  "$OPS/up" --workers 3 >said 2>&1 || fail "ops/up failed:" "$(cat said)"
  load_env_file
  machine=$(tr -cd 'A-Za-z0-9._-' </proc/sys/kernel/hostname | cut -c1-40)
  job=$(curl -fsS --noproxy '*' -F "image=@$OPS/sample/photo-1537x1100.png" -F op=gaussian_blur:ksize=9 \
    "$TESSERA_URL/api/v1/jobs" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
  [[ -n $job ]] || fail "the picture was not taken"
  for name in 2 3; do expect_within 60 "a tile in the hand of worker-$name" has_worker_a_tile "$machine-$name" "$job"; done
  "$OPS/scale" workers 1 >said 2>&1 || fail "ops/scale failed:" "$(cat said)"
  for name in worker-2 worker-3; do
    grep -q "the worker has stopped" "$LOGS/$name.log" || fail "$name did not stop in order:" "$(tail "$LOGS/$name.log")"
    grep -q "$name ended with 0 as asked" "$LOGS/$name.log" || fail "$name ended otherwise:" "$(tail "$LOGS/$name.log")"
    grep -q "not finished in time" "$LOGS/$name.log" && fail "$name left tiles unfinished"
    has_worker_a_tile "$machine-${name#worker-}" "$job" && fail "a tile is held against $name"
  done
  expect_within 60 "the job to be done" job_is_done "$job"
  "$OPS/down" --purge >said 2>&1 || fail "ops/down failed:" "$(cat said)"
}

run_tests
