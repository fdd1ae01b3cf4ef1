# shellcheck shell=bash
# A Kafka and a Redis for one run of the tests: on free ports, in a directory that goes with the run. Both end with
# the shell that started them, even when that is killed.

# start_test_brokers DIR: exports TESSERA_TEST_KAFKA_BROKERS and TESSERA_TEST_REDIS_URL.
start_test_brokers() {
  start_with_free_port kafka "$1" && start_with_free_port redis "$1" || return 1
  TESSERA_TEST_KAFKA_BROKERS=$HOST:$(<"$1/kafka.port")
  TESSERA_TEST_REDIS_URL=redis://$HOST:$(<"$1/redis.port")/0
  export TESSERA_TEST_KAFKA_BROKERS TESSERA_TEST_REDIS_URL
}

# start_with_free_port NAME DIR: a port that was free may be taken by the time it is used, hence three tries.
start_with_free_port() {
  local try
  for try in 1 2 3; do
    random_free_port >"$2/$1.port"
    "start_test_$1" "$2" "$(<"$2/$1.port")"
    wait_until 60 "test_$1_is_up" "$2" && is_live "$2/$1.pid" && return
    stop_pid_file "$2/$1.pid" 10
    warn "$1 did not start on port $(<"$2/$1.port") (try $try): $(tail -n 2 "$2/$1.log")"
    rm -rf "${2:?}/$1"
  done
  return 1
}

# bound_to_us LOG COMMAND…: in the background, ended by the kernel when this shell ends. Its pid is in BOUND_PID.
bound_to_us() {
  local log=$1
  shift
  setsid setpriv --pdeathsig KILL "$@" </dev/null >"$log" 2>&1 9>&- &
  BOUND_PID=$!
  disown "$BOUND_PID" # the shell has nothing to say about its end
}

start_test_kafka() {
  prepare_kafka "$1/kafka" "$HOST" "$2" "$(random_free_port)"
  kafka_command "$1/kafka"
  bound_to_us "$1/kafka.log" "${KAFKA_COMMAND[@]}"
  write_pid "$1/kafka.pid" "$BOUND_PID"
}

start_test_redis() {
  prepare_redis "$1/redis" "$HOST" "$2"
  redis_command "$1/redis"
  bound_to_us "$1/redis.log" "${REDIS_COMMAND[@]}"
  write_pid "$1/redis.pid" "$BOUND_PID"
}

test_kafka_is_up() { is_gone "$1/kafka.pid" || answers "$HOST" "$(<"$1/kafka.port")"; }
test_redis_is_up() { is_gone "$1/redis.pid" || redis_answers "$HOST" "$(<"$1/redis.port")"; }

stop_test_brokers() {
  signal_pid_file TERM "$1/redis.pid"
  signal_pid_file KILL "$1/kafka.pid" # its data goes anyway: an orderly end would only cost time
  stop_pid_file "$1/redis.pid" 5
  stop_pid_file "$1/kafka.pid" 5
}
