# shellcheck shell=bash
# For the tests of ops/ itself. Each test is a function test_…; it runs in a shell of its own, in a copy of ops/ with an
# empty var/ beside it, and fails at the first check that does not hold. Ends like cargo does: "test result: …".

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PLACE=$(mktemp -d "${TMPDIR:-/tmp}/ops-tests.XXXXXX") || exit 1
trap 'end_leftovers; rm -rf "$PLACE"' EXIT
trap 'exit 143' INT TERM HUP

# fail TEXT…: ends the test.
fail() {
  printf '  %s\n' "$@" >&2
  exit 1
}

# expect_equal WHAT WANTED GOT
expect_equal() { [[ $2 == "$3" ]] || fail "$1: wanted '$2', got '$3'"; }

# expect_within SECONDS WHAT COMMAND…: waits for the condition, not for a time.
expect_within() {
  local seconds=$1 what=$2
  shift 2
  wait_until "$seconds" "$@" || fail "$what: not within $seconds s" "$(tail -n 5 "$LOGS"/*.log 2>/dev/null)"
}

expect_dies() {
  local what=$1
  shift
  ("$@") >/dev/null 2>&1 && fail "$what: should have failed: $*"
  return 0
}

# A copy of the commands, whose var/ is the test's own.
load_copy() {
  mkdir -p "$PLACE/$1"
  cp -r "$SOURCE" "$PLACE/$1/ops"
  . "$PLACE/$1/ops/lib/common.sh"
  load_parts process ports packages programs kafka redis settings services phases
  mkdir -p "$RUN" "$LOGS"
  cd "$ROOT" || exit 1
}

# Whatever a failed test left: found by the pid files of its own place.
end_leftovers() {
  local file
  for file in "$PLACE"/*/var/run/*.keeper.pid "$PLACE"/*/var/run/*.pid; do
    [[ -e $file ]] || continue
    (. "$SOURCE/lib/common.sh" && load_parts process && stop_pid_file "$file" 1)
  done
}

# run_tests: all test_… functions of the caller, in the order of their names.
run_tests() {
  local name passed=0 failed=0
  for name in $(compgen -A function test_); do
    if (load_copy "$name" && "$name") </dev/null; then
      passed=$((passed + 1))
      printf 'test %s ... ok\n' "${name#test_}"
    else
      failed=$((failed + 1))
      printf 'test %s ... FAILED\n' "${name#test_}"
    fi
  done
  printf 'test result: %s. %d passed; %d failed; 0 ignored\n' "$( ((failed)) && echo FAILED || echo ok)" "$passed" "$failed"
  ((failed == 0))
}
