# shellcheck shell=bash
# The phases of ops/test: each is bounded in time, timed, and counted. A phase is one thing that passes or fails; the
# test phases count their tests instead.

PASSED=0 FAILED=0 TIMINGS=() RUNNING_PID=''

# bounded SECONDS COMMAND…: in a process group of its own, which goes as a whole when the time is over or a signal comes.
bounded() {
  local code
  timeout --kill-after=10 "$1" "${@:2}" </dev/null &
  RUNNING_PID=$!
  wait "$RUNNING_PID"
  code=$?
  RUNNING_PID=''
  [[ $code -ne 124 && $code -ne 137 ]] || warn "did not end within $1 s: ${*:2}"
  return "$code"
}

# phase NAME COMMAND…: counts a failure; success is not a test.
phase() {
  local name=$1 started code
  shift
  step "$name"
  started=$(now_ms)
  "$@"
  code=$?
  TIMINGS+=("$(printf '%-12s %7s s  %s' "$name" "$(seconds_since "$started")" "$( ((code)) && echo FAILED || echo ok)")")
  ((code == 0)) || FAILED=$((FAILED + 1))
  return "$code"
}

# tests NAME SECONDS COMMAND…: sums every "test result:" line of what COMMAND writes. A command that fails without a
# failed test (it did not compile, it was killed, it ran out of time), or that ran no test, counts as one failure.
tests() {
  local name=$1 seconds=$2 log=$DIR/$1.log started code passed failed
  shift 2
  step "$name"
  started=$(now_ms)
  # shellcheck disable=SC2016 # for the inner shell: one group, which bounded ends as a whole
  bounded "$seconds" bash -c 'set -o pipefail; "${@:2}" 2>&1 | tee "$1"' tests "$log" "$@"
  code=$?
  read -r passed failed < <(sum_results "$log")
  ((code == 0 || failed > 0)) || failed=1
  if ((passed + failed == 0)); then
    warn "$name ran no test"
    failed=1
  fi
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
  TIMINGS+=("$(printf '%-12s %7s s  %d passed, %d failed' "$name" "$(seconds_since "$started")" "$passed" "$failed")")
  ((failed == 0))
}

# sum_results FILE: prints passed and failed.
sum_results() {
  sed -n 's/^test result: [A-Za-z]*\. \([0-9]*\) passed; \([0-9]*\) failed;.*/\1 \2/p' "$1" |
    awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }'
}

# finish: the timings, and the plain line that ends ops/test.
finish() {
  local line
  step "timings"
  for line in "${TIMINGS[@]}"; do say "$line"; done
  say "$PASSED passed, $FAILED failed"
  ((FAILED == 0))
}
