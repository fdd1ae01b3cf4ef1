# shellcheck shell=bash
# Apache Kafka from its published jars: fetching them, and the files and command of one broker. It never decides
# where a broker listens, nor when it runs.

KAFKA_LIBS=$VAR/kafka/libs
DEPENDENCY_PLUGIN=2.8

kafka_list_mark() { sha256sum <"$OPS/kafka/pom.xml" | cut -c1-64; }
kafka_is_fetched() { [[ -r $KAFKA_LIBS/.complete && $(<"$KAFKA_LIBS/.complete") == "$(kafka_list_mark)" ]]; }

# The tools that must be there to run a broker; Maven only if its jars are missing.
kafka_tools() {
  echo java
  kafka_is_fetched || echo mvn
}

# copy_jars FOLDER: twice, for networks that stumble. The plugin by its full name, so that Maven says why it has none.
copy_jars() {
  local try
  for try in 1 2; do
    timeout 600 mvn -q -B -Dstyle.color=never -f "$OPS/kafka/pom.xml" \
      "org.apache.maven.plugins:maven-dependency-plugin:$DEPENDENCY_PLUGIN:copy-dependencies" \
      -DincludeScope=runtime -DoutputDirectory="$1" </dev/null && return
    warn "Maven failed (try $try of 2)"
  done
  return 1
}

# fetch_kafka: a directory appears under its name only when it is whole.
fetch_kafka() {
  local part
  kafka_is_fetched && return
  step "fetching Apache Kafka (54 MB) into ${KAFKA_LIBS#"$ROOT"/}"
  mkdir -p "$VAR/kafka"
  part=$(mktemp -d "$VAR/kafka/libs.XXXXXX")
  if ! copy_jars "$part"; then
    rm -rf "$part"
    die "Maven could not fetch Kafka's jars" "see its message above; it needs the network, or a mirror in ~/.m2/settings.xml," \
      "and behind a proxy that opens TLS, its certificate among Java's: update-ca-certificates"
  fi
  kafka_list_mark >"$part/.complete"
  chmod 755 "$part"
  rm -rf "$KAFKA_LIBS"
  # A second fetch of this clone (ops/test beside ops/up) may have been faster: its jars are the same.
  mv -T "$part" "$KAFKA_LIBS" 2>/dev/null || rm -rf "$part"
}

# prepare_kafka DIR HOST PORT CONTROLLER_PORT: writes DIR/server.properties and formats DIR/data once.
prepare_kafka() {
  local dir=$1 id
  mkdir -p "$dir"
  sed -e "s|@HOST@|$2|g; s|@CONTROLLER_PORT@|$4|g; s|@PORT@|$3|g; s|@DATA@|$dir/data|g" \
    "$OPS/kafka/server.properties" >"$dir/server.properties"
  [[ -r $dir/data/meta.properties ]] && return
  # A cluster id is 16 random bytes in URL-safe base64; the leading letter keeps it from looking like an option.
  id=T$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-22)
  timeout 120 java -Xmx256m -XX:-UsePerfData "-Dlog4j2.configurationFile=file:$OPS/kafka/log4j2.properties" -cp "$KAFKA_LIBS/*" \
    kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties" --ignore-formatted >"$dir/format.log" 2>&1 ||
    die "could not format Kafka's data directory $dir/data" "$(tail -n 3 "$dir/format.log")"
}

# kafka_command DIR: fills the array KAFKA_COMMAND.
kafka_command() {
  # On few cores Java's second compiler takes a third of what Kafka uses for the first fifty large pictures. Without it
  # Kafka is a fifth dearer once hundreds have gone through, and takes two thirds of the memory: docs/performance.md.
  local -a few=()
  (($(nproc) > 4)) || few=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC)
  KAFKA_COMMAND=(java -Xms512m -Xmx1g "${few[@]}" -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData
    "-Dlog4j2.configurationFile=file:$OPS/kafka/log4j2.properties"
    -cp "$KAFKA_LIBS/*" kafka.Kafka "$1/server.properties")
}
