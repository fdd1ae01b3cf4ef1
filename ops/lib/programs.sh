# shellcheck shell=bash
# The programs as they were built: small, with what a debugger or a backtrace wants in files beside them.

# split_programs FILE…: puts the debug information of each program that has it into FILE.debug, where gdb, addr2line and
# the program's own backtraces find it. A program that runs keeps its file. Nothing is compiled again for it: cargo sees
# the same file under both names that it gave it.
split_programs() {
  local program twin
  for program in "$@"; do
    readelf -SW "$program" 2>/dev/null | grep -q ' \.debug_info ' || continue
    twin=$(find "$(dirname "$program")/deps" -samefile "$program" 2>/dev/null | head -n 1)
    if ! split_program "$program"; then
      rm -f "$program.part"
      warn "the debug information of $program stays in it: objcopy failed"
      continue
    fi
    [[ -z $twin ]] || ln -f "$program" "$twin"
  done
}

split_program() {
  objcopy --only-keep-debug --compress-debug-sections "$1" "$1.debug" && chmod -x "$1.debug" &&
    objcopy --strip-unneeded --remove-section=.debug_gdb_scripts --add-gnu-debuglink="$1.debug" "$1" "$1.part" &&
    mv -f "$1.part" "$1"
}
