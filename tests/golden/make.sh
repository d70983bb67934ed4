#!/usr/bin/env bash
# Makes the golden files of the present format: databases that every later version must open and
# show as they were. Run once, when a format is released; never to replace what is committed.
#
#   tests/golden/make.sh BUILD_DIR tests/golden/format-N
set -euo pipefail
sample=$(realpath "$1/tests/docs/docs_sample")
holdfast=$(realpath "$1/tools/holdfast")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# pack NAME: the files of $work/NAME, with what `dump --all` shows of a copy.
pack() {
  cp -r "$work/$1" "$work/copy"
  "$holdfast" dump "$work/copy/db" --all >"$work/$1/expected.dump"
  rm -r "$work/copy"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=2026-01-01 -C "$work/$1" -cJf "$out/$1.tar.xz" .
}

for page_size in 4096 16384 32768; do
  for name in "killed-$page_size" "closed-$page_size"; do
    mkdir "$work/$name"
    for life in 0 1 2; do "$sample" golden "$work/$name/db" "$life" "$page_size"; done
  done
  "$sample" close "$work/closed-$page_size/db"
  pack "killed-$page_size"
  pack "closed-$page_size"
done
mkdir "$work/dying-4096"
for what in life close cut; do "$sample" "$what" "$work/dying-4096/db" 0 4096; done
pack "dying-4096"
