# shellcheck shell=bash
# The settings of the running system: which addresses it uses, and var/env, which holds all of them for services,
# people and scripts. A setting that the caller gave wins; an address that var/env put into the caller's shell is not
# one that was given.

# without_password URL
# shellcheck disable=SC2001 # a pattern that ends at the first of two characters
without_password() { sed 's|//[^/@]*@|//…@|' <<<"$1"; }

HOST=127.0.0.1
ENV_FILE=$VAR/env

# keep_settings: what was given to an earlier ops/up holds until it is changed. A setting that the caller has wins; one
# that is empty goes back to its default.
keep_settings() {
  local line name
  while read -r line; do
    line=${line#export } name=${line%%=*}
    [[ -n ${!name+given} ]] || eval "export $line"
  done < <(grep '^export [A-Z0-9_]*=' "$ENV_FILE" 2>/dev/null)
  for name in $(compgen -e | grep '^TESSERA_'); do
    [[ -n ${!name} ]] || unset "$name"
  done
}

# given_settings: NAME=VALUE of all that somebody gave, a line each; addresses are shown elsewhere.
given_settings() {
  local name
  for name in $(compgen -e | sort); do
    case $name in
      TESSERA_TEST_* | TESSERA_KEEPER_* | TESSERA_ENV_FILE | TESSERA_RUN_DIR | TESSERA_URL | TESSERA_HTTP_ADDR) ;;
      TESSERA_KAFKA_BROKERS | TESSERA_REDIS_URL | TESSERA_NAME | TESSERA_INSTANCE) ;;
      TESSERA_STORE) [[ $TESSERA_STORE == "file://$VAR/store" ]] || printf '%s=%s\n' "$name" "$(without_password "${!name}")" ;;
      TESSERA_SCRATCH_DIR) [[ $TESSERA_SCRATCH_DIR == "$VAR/scratch" ]] || printf '%s=%s\n' "$name" "${!name}" ;;
      TESSERA_*_SECRET* | TESSERA_*_TOKEN* | TESSERA_*_KEY | TESSERA_*_KEYS) printf '%s=…\n' "$name" ;;
      TESSERA_* | RUST_LOG) printf '%s=%s\n' "$name" "${!name}" ;;
    esac
  done
}

# tasks_partitions: how many workers can have work: those of the broker, or those that are asked for.
tasks_partitions() {
  local found
  found=$("$BIN/tessera" topics list 2>/dev/null </dev/null | awk -v topic="${TESSERA_TOPIC_PREFIX-}tasks" '$1 == topic { print $2 }')
  [[ $found =~ ^[0-9]+$ ]] || found=${TESSERA_TASKS_PARTITIONS:-64}
  printf '%s' "$found"
}

# came_from_env_file LABEL VALUE BEFORE AFTER: the caller sourced var/env, and VALUE is our own LABEL of then, with
# what stands before and after its address.
came_from_env_file() {
  local port
  [[ ${TESSERA_ENV_FILE-} == "$ENV_FILE" ]] && port=$(recorded_port "$1") && [[ $2 == "$3$HOST:$port$4" ]]
}

# settle_kafka: sets TESSERA_KAFKA_BROKERS, and OWN_KAFKA to "yes" or "".
settle_kafka() {
  local given=${TESSERA_KAFKA_BROKERS-} port controller
  OWN_KAFKA=""
  if [[ -n $given ]] && ! came_from_env_file kafka "$given" "" ""; then
    any_broker_answers "$given" ||
      die "no Kafka broker answers at $given, which TESSERA_KAFKA_BROKERS names" \
        "start it, or run: TESSERA_KAFKA_BROKERS= ops/up, which starts one of its own"
    rm -f "$RUN/kafka.port"
    return
  fi
  OWN_KAFKA=yes
  port=$(choose_port kafka kafka 9092) || exit 1
  controller=$(choose_port kafka-controller kafka 9093 "$port") || exit 1
  KAFKA_PORT=$port KAFKA_CONTROLLER_PORT=$controller
  export TESSERA_KAFKA_BROKERS=$HOST:$port
}

any_broker_answers() {
  local broker brokers
  IFS=, read -r -a brokers <<<"$1"
  for broker in "${brokers[@]}"; do
    answers "${broker%:*}" "${broker##*:}" && return
  done
  return 1
}

# settle_redis: sets TESSERA_REDIS_URL, and OWN_REDIS to "yes" or "".
settle_redis() {
  local given=${TESSERA_REDIS_URL-} place port
  OWN_REDIS=""
  if [[ -n $given ]] && ! came_from_env_file redis "$given" redis:// /0; then
    place=${given#*://} place=${place##*@} place=${place%%[/?]*}
    [[ $place == *:* ]] || place=$place:6379
    answers "${place%:*}" "${place##*:}" ||
      die "no Redis answers at $place, which TESSERA_REDIS_URL names" \
        "start it, or run: TESSERA_REDIS_URL= ops/up, which starts one of its own"
    rm -f "$RUN/redis.port"
    return
  fi
  OWN_REDIS=yes
  port=$(choose_port redis redis 6379) || exit 1
  REDIS_PORT=$port
  export TESSERA_REDIS_URL=redis://$HOST:$port/0
}

# settle_page: sets TESSERA_HTTP_ADDR and TESSERA_URL. A port out of var/env stands for the one that was wanted then.
settle_page() {
  local given=${TESSERA_HTTP_ADDR:-$HOST:5001} host wanted port
  host=${given%:*} wanted=${given##*:}
  if [[ ${TESSERA_ENV_FILE-} == "$ENV_FILE" && $wanted == "$(recorded_port web)" ]]; then
    read -r port wanted <"$RUN/web.port"
  fi
  port=$(choose_port web web "$wanted") || exit 1
  export TESSERA_HTTP_ADDR=$host:$port
  [[ $host != 0.0.0.0 && $host != "[::]" ]] || host=$HOST
  export TESSERA_URL=http://$host:$port
}

# make_private FOLDER: makes it for this user alone, if it is not there.
make_private() {
  [[ -d $1 ]] || (umask 077 && mkdir -p "$1")
}

# settle_files: where pictures, run files and half-written results are.
settle_files() {
  export TESSERA_STORE=${TESSERA_STORE:-file://$VAR/store}
  export TESSERA_RUN_DIR=$RUN
  export TESSERA_SCRATCH_DIR=${TESSERA_SCRATCH_DIR:-$VAR/scratch}
  export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}
  # Tiles' buffers are used again; given back to the system at every free, each costs its page faults anew.
  export MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD_:-33554432}
  export MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-67108864}
  # They hold other people's pictures. A folder that somebody else made keeps the permissions that it was given.
  make_private "$TESSERA_SCRATCH_DIR"
  [[ $TESSERA_STORE != file://* ]] || make_private "${TESSERA_STORE#file://}"
  [[ $TESSERA_STORE != "file://$VAR/store" ]] || chmod 700 "$VAR/store"
  [[ $TESSERA_SCRATCH_DIR != "$VAR/scratch" ]] || chmod 700 "$VAR/scratch"
}

# write_env_file: everything that a service is given, apart from its own name. Addresses may hold passwords: 0600.
write_env_file() {
  local name
  unset WORKER_ID TESSERA_NAME TESSERA_INSTANCE
  export TESSERA_ENV_FILE=$ENV_FILE
  (
    umask 077
    {
      say "# Written by ops/up: addresses and settings of this running system. Use it with: . var/env"
      for name in $(compgen -e | sort); do
        case $name in
          TESSERA_TEST_* | TESSERA_KEEPER_*) ;;
          AWS_*) [[ $TESSERA_STORE != s3://* ]] || printf 'export %s=%q\n' "$name" "${!name}" ;;
          TESSERA_* | RUST_LOG | MALLOC_*) printf 'export %s=%q\n' "$name" "${!name}" ;;
        esac
      done
    } >"$ENV_FILE.part"
  )
  mv -f "$ENV_FILE.part" "$ENV_FILE"
}

# load_env_file: for commands that act on the running system.
load_env_file() {
  [[ -r $ENV_FILE ]] || die "nothing was started from this clone yet" "start it with: ops/up"
  . "$ENV_FILE"
}
