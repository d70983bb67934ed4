"""The reader that was written from docs/FORMAT.md prints what `holdfast dump --all` prints.

Usage: decode_test.py DOCS_SAMPLE HOLDFAST. Ends with 77, "skipped", without python3-xxhash.
Databases: closed ones, and ones that were killed, over several epochs, log segments and page sizes.
"""

import pathlib
import subprocess
import sys
import tempfile

DECODE = pathlib.Path(__file__).with_name("decode.py")
LIVES = 4


def find_python():
    """An interpreter that has xxhash: the one that runs this, or the system's, whose packages are
    not everybody's."""
    for python in (sys.executable, "/usr/bin/python3"):
        tried = subprocess.run([python, "-c", "import xxhash"], capture_output=True, check=False)
        if tried.returncode == 0:
            return python
    print("skipped: python3-xxhash is missing")
    sys.exit(77)


def output(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def compare(python, holdfast, database, what):
    ours = output(python, DECODE, database)
    theirs = output(holdfast, "dump", database, "--all")
    if ours != theirs:
        for number, (a, b) in enumerate(zip(ours.split(b"\n"), theirs.split(b"\n")), 1):
            if a != b:
                raise SystemExit(f"{what}: line {number} is {a[:200]!r}, should be {b[:200]!r}")
        raise SystemExit(f"{what}: {len(ours)} bytes, should be {len(theirs)}")
    segments = len(list(database.parent.glob(database.name + ".log-*")))
    records = sum(line.startswith(b" ") for line in ours.splitlines()) // 2
    print(f"{what}: {records} records, {segments} log files: the same")
    return segments


def compare_kept(python, sample, holdfast, database, what):
    """What a kept checkpoint leads to is what was there, whatever came later."""
    kept = output(sample, "keep", database).decode().strip()
    theirs = output(holdfast, "dump", database, "--all")
    for life in (LIVES, LIVES + 1):
        output(sample, "life", database, life)
    ours = output(python, DECODE, "--kept", kept, database)
    if ours != theirs or output(python, DECODE, database) == theirs:
        raise SystemExit(f"{what}: kept checkpoint {kept} has changed")
    print(f"{what}: kept checkpoint {kept} is as it was")


def main():
    sample, holdfast = sys.argv[1:3]
    python = find_python()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for what, segments in (("tiny", 0), ("tiny-log", 1)):
            output(sample, what, folder / what)
            assert compare(python, holdfast, folder / what, what) == segments
        most = 0
        for page_size in (4096, 8192, 32768):
            database = folder / f"life-{page_size}"
            for life in range(LIVES):
                output(sample, "life", database, life, page_size)
                found = compare(python, holdfast, database, f"{page_size}-byte pages, life {life}")
                most = max(most, found)
            output(sample, "cut", database)
            compare(python, holdfast, database, f"{page_size}-byte pages, being freed")
            compare_kept(python, sample, holdfast, database, f"{page_size}-byte pages")
            output(sample, "close", database)
            assert compare(python, holdfast, database, f"{page_size}-byte pages, closed") == 0
        assert most > 2, "no log of several segments was tried"


if __name__ == "__main__":
    main()
