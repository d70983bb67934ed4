"""What llvm-cov counted, by folder, and the branches of wal and recovery that nobody took.

Usage: coverage.py EXPORT.json, from the root of the source tree.
"""

import collections
import json
import os
import pathlib
import sys

LISTED = ("wal", "recovery")
KINDS = ("lines", "branches", "mcdc")


def folder_of(name):
    parts = pathlib.PurePosixPath(name).parts
    return "/".join(parts[:2]) if parts[0] == "engine" and len(parts) > 2 else parts[0]


def untaken(branches, source):
    """Line, column and way of each branch that was never taken, in any instantiation."""
    taken = collections.defaultdict(lambda: [0, 0])
    for line, column, _, _, yes, no, *_ in branches:
        taken[line, column][0] += yes
        taken[line, column][1] += no
    for (line, column), (yes, no) in sorted(taken.items()):
        text = source[line - 1]
        # Not a choice: a loop without a condition; the label that a switch would jump to if none of
        # its own fitted; a case as against the others.
        if "while (true)" in text or "switch (" in text:
            continue
        is_case = text.lstrip().startswith(("case ", "default:"))
        if yes == 0 and no == 0:
            yield line, column, "reached"
        elif yes == 0:
            yield line, column, "true"
        elif no == 0 and not is_case:
            yield line, column, "false"


def main():
    files = json.loads(pathlib.Path(sys.argv[1]).read_text())["data"][0]["files"]
    sums = collections.defaultdict(collections.Counter)
    missing = []
    for file in files:
        name = os.path.relpath(file["filename"])
        folder = folder_of(name)
        for kind in KINDS:
            summary = file["summary"].get(kind, {"count": 0, "covered": 0})
            sums[folder][kind] += summary["count"]
            sums[folder][kind, "covered"] += summary["covered"]
        if folder in LISTED:
            source = pathlib.Path(name).read_text().splitlines()
            for line, column, way in untaken(file["branches"], source):
                missing.append(f"{name}:{line}:{column} never {way}: {source[line - 1].strip()}")
    print(f"{'folder':16}" + "".join(f"{kind:>24}" for kind in KINDS))
    total = collections.Counter()
    for folder in sorted(sums):
        total.update(sums[folder])
    for folder, counts in [*sorted(sums.items()), ("all", total)]:
        cells = ""
        for kind in KINDS:
            count, covered = counts[kind], counts[kind, "covered"]
            share = 100 * covered / count if count else 100.0
            cells += f"{covered:>10} / {count:<5}{share:5.1f} %"
        print(f"{folder:16}{cells}")
    print(f"\nBranches of {' and '.join(LISTED)} never taken: {len(missing)}")
    for line in missing:
        print(line)


if __name__ == "__main__":
    main()
