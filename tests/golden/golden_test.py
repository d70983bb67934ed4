"""Every golden file, of this format and all before it: today's library opens it, shows what was in
it, writes to it and leaves it sound; and so does the reader written from docs/FORMAT.md alone.

Usage: golden_test.py HOLDFAST DBCHECK. Without python3-xxhash that reader is left out.
"""

import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).parent
DECODE = HERE.parent / "docs" / "decode.py"


def output(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def find_decoder():
    for python in (sys.executable, "/usr/bin/python3"):
        tried = subprocess.run([python, "-c", "import xxhash"], capture_output=True, check=False)
        if tried.returncode == 0:
            return [python, DECODE]
    print("python3-xxhash is missing: docs/FORMAT.md's reader is left out")
    return None


def same(found, expected, what):
    if found != expected:
        raise SystemExit(f"{what} shows {len(found)} bytes that aren't the {len(expected)} expected ones")


def check(holdfast, dbcheck, decoder, archive):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        database = folder / "db"
        expected = (folder / "expected.dump").read_bytes()
        if decoder:
            same(output(*decoder, database), expected, f"{archive}: the reader of docs/FORMAT.md")
        output(dbcheck, database)
        same(output(holdfast, "dump", database, "--all"), expected, f"{archive}: holdfast dump")
        output(holdfast, "put", database, "a new key", "and its value")
        assert output(holdfast, "get", database, "a new key") == b"and its value"
        output(holdfast, "del", database, "a new key")
        same(output(holdfast, "dump", database, "--all"), expected, f"{archive}: changed, and changed back")
        output(dbcheck, database)
        print(f"{archive.relative_to(HERE)}: {len(expected)} bytes of dump, the same")


def main():
    holdfast, dbcheck = sys.argv[1:3]
    decoder = find_decoder()
    archives = sorted(HERE.glob("format-*/*.tar.xz"))
    assert len(archives) >= 6, "golden files are missing"
    for archive in archives:
        check(holdfast, dbcheck, decoder, archive)


if __name__ == "__main__":
    main()
