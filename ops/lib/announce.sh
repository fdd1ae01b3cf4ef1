# shellcheck shell=bash
# What ops/up says before it does something, and when it is done.

# needs_own_kafka, needs_own_redis: none was given, or the one given is our own out of var/env.
needs_own_kafka() { [[ -z ${TESSERA_KAFKA_BROKERS-} ]] || came_from_env_file kafka "$TESSERA_KAFKA_BROKERS" "" ""; }
needs_own_redis() { [[ -z ${TESSERA_REDIS_URL-} ]] || came_from_env_file redis "$TESSERA_REDIS_URL" redis:// /0; }

# Installed megabytes of the packages, with what they bring along.
package_megabytes() {
  local tool sum=0
  declare -A size=([java]=200 [mvn]=40 [redis-server]=10 [gcc]=160 [g++]=60 [cmake]=95 [curl]=15)
  for tool in "$@"; do sum=$((sum + ${size[$tool]:-3})); done
  printf '%s' "$sum"
}

# log_gigabytes: what Kafka's logs may grow to.
log_gigabytes() {
  local bytes=${TESSERA_KAFKA_LOG_BYTES:-2000000000}
  [[ $bytes =~ ^[0-9]{1,18}$ ]] || bytes=2000000000
  printf '%d.%d' "$((bytes / 1000000000))" "$((bytes % 1000000000 / 100000000))"
}

# announce: sets NEEDED_TOOLS, and says what is going to happen, how long that takes and how much disk.
announce() {
  local missing cores minutes megabytes
  NEEDED_TOOLS=("${BUILD_TOOLS[@]}")
  if needs_own_kafka; then
    NEEDED_TOOLS+=(java)
    kafka_is_fetched || NEEDED_TOOLS+=(mvn)
  fi
  ! needs_own_redis || NEEDED_TOOLS+=("${REDIS_TOOLS[@]}")
  mapfile -t missing < <(missing_tools "${NEEDED_TOOLS[@]}")
  cores=$(nproc)
  step "what this will do"
  if ((${#missing[@]})); then
    megabytes=$(package_megabytes "${missing[@]}")
    say "install  ${missing[*]}: about $megabytes MB, $((megabytes / 5 + 10)) s, as root"
  else
    say "install  nothing: every tool is there"
  fi
  if needs_own_kafka && ! kafka_is_fetched; then say "fetch    Apache Kafka by Maven: 54 MB into var/kafka, about 20 s"; fi
  if [[ -x $BIN/tessera-web ]]; then
    say "build    what changed since the last time"
  else
    minutes=$((BUILD_CORE_MINUTES / (cores > 6 ? 6 : cores) + 1))
    say "build    everything: about $minutes minutes on $cores cores, $BUILD_GIGABYTES GB under target/"
  fi
  say "start    Kafka, Redis and Tessera, on loopback; data under var/: what you upload and its results, and Kafka's logs,"
  say "         which grow to $(log_gigabytes) GB at most (TESSERA_KAFKA_LOG_BYTES)"
  announce_settings
}

# What was given to this ops/up or to an earlier one.
announce_settings() {
  local setting
  while read -r setting; do say "setting  $setting"; done < <(given_settings)
}

# Measured with an empty target/ on 2 cores: 8 min 41 s and 1.9 GB. Most of it uses both cores.
BUILD_CORE_MINUTES=17
BUILD_GIGABYTES=2

# report: the last lines of ops/up.
report() {
  step "Tessera is running"
  say "page      $TESSERA_URL"
  say "sample    $SAMPLE_SECONDS s through the running system, byte-identical to one process"
  say "result    $SAMPLE_RESULT"
  say "command   $BIN/tessera"
  say "Kafka     $TESSERA_KAFKA_BROKERS${OWN_KAFKA:+ (started here)}"
  say "Redis     $(without_password "$TESSERA_REDIS_URL")${OWN_REDIS:+ (started here)}"
  say "addresses $ENV_FILE (. var/env)"
  announce_settings
  say "more      ops/status, ops/scale workers N, ops/down"
}
