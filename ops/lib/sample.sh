# shellcheck shell=bash
# The sample picture's way through the running system, held against one process doing the same.

SAMPLE=$OPS/sample/photo-1537x1100.png
SAMPLE_STEP=gaussian_blur:ksize=15
SAMPLE_RESULT=$VAR/sample/result.png
SAMPLE_REFERENCE=$VAR/sample/reference.png

# run_sample: leaves the seconds it took in SAMPLE_SECONDS.
run_sample() {
  local started
  mkdir -p "$VAR/sample"
  rm -f "$SAMPLE_RESULT" "$SAMPLE_REFERENCE"
  started=$(now_ms)
  timeout 180 "$BIN/tessera" submit "$SAMPLE" --op "$SAMPLE_STEP" --wait --output "$SAMPLE_RESULT" \
    --url "$TESSERA_URL" </dev/null ||
    die "the sample picture did not come through" "look at $TESSERA_URL/jobs, at ops/status and at the logs in $LOGS"
  SAMPLE_SECONDS=$(seconds_since "$started")
  timeout 180 "$BIN/tessera" run "$SAMPLE" "$SAMPLE_REFERENCE" --op "$SAMPLE_STEP" </dev/null ||
    die "tessera run could not make the picture to compare with"
  cmp "$SAMPLE_RESULT" "$SAMPLE_REFERENCE" ||
    die "the result differs from what one process makes of the sample" \
      "this must not happen: keep $SAMPLE_RESULT and $SAMPLE_REFERENCE, and report them"
}
