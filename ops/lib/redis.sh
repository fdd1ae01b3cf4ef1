# shellcheck shell=bash
# One Redis: its files and command, and asking one whether it answers. It never decides where Redis listens.

# prepare_redis DIR HOST PORT
prepare_redis() {
  mkdir -p "$1/data"
  sed -e "s|@HOST@|$2|g; s|@PORT@|$3|g; s|@DATA@|$1/data|g" "$OPS/redis/redis.conf" >"$1/redis.conf"
}

# redis_command DIR: fills the array REDIS_COMMAND.
redis_command() { REDIS_COMMAND=(redis-server "$1/redis.conf"); }

# redis_answers HOST PORT: it has read its data and takes commands (one that wants a password counts as answering).
redis_answers() {
  local line
  line=$(
    exec 2>/dev/null 3<>"/dev/tcp/$1/$2" || exit 1
    printf 'PING\r\n' >&3
    IFS= read -r -t 2 line <&3 && printf '%s' "$line"
  )
  [[ $line == +PONG* || $line == -NOAUTH* ]]
}
