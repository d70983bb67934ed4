"""Compares the places in the source that call storage with those that `crashlab run faults` made fail.

    sites.py                the whole sweep: some minutes
    sites.py --seconds 60   so much of it
    sites.py --list         only the places in the source, as the compiler sees them

The places come from the compiler: it reads engine, wal and recovery with an interface whose
functions are marked as deprecated, and warns of each call. What failed comes from a crashlab built
with line numbers in build/sites. Ends with 0 when each place failed or is excused in EXCUSED below,
5 when one didn't, 2 for a command line that means nothing, 3 when something could not be built.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTERFACE = "engine/storage/storage.h"
DONE, FAILED, FOUND = 0, 3, 5

# What the interface calls it, and what the simulated disk does.
CALLS = {"create_like": "open", "exists": "look", "list": "look", "submit": "write"}
# Can't fail, or isn't storage's own business.
NOT_CALLS = {"path", "reads_past_cache", "complete", "real_path"}
# File, text on the line: why the standard workloads can't reach it, and what does.
EXCUSED = {
    ("engine/create.cc", "storage.open(segment.path"):
        "only where someone took the tree file away: OddOpenings.ALogWithoutItsDatabase",
    ("engine/create.cc", "file->read(kSegmentBodyOffset"):
        "only where someone took the tree file away: OddOpenings.ALogWithoutItsDatabase",
    ("engine/open.cc", "file_->read(offset, page)"):
        "only for a record that no version writes yet: ForgedLogTest",
    ("wal/segment.cc", "file.read_past_cache(at, chunk)"):
        "only where a log's headers are gone: OddOpenings.ALogWhoseHeadersAreGone",
}

Site = collections.namedtuple("Site", "file line call")


def marked_interface():
    return re.sub(r"^  virtual (?!~)", "  [[deprecated]] virtual ", (ROOT / INTERFACE).read_text(),
                  flags=re.M)


def sites_of(file, overlay):
    """The calls of one source file and of the headers that it includes."""
    command = [os.environ.get("CXX", "g++"), "-std=c++23", "-fsyntax-only", "-D_GNU_SOURCE",
               "-Wdeprecated-declarations", "-fdiagnostics-plain-output", "-I", overlay, "-I", ROOT,
               "-I", ROOT / "include", file]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{file} doesn't compile:\n{result.stderr}")
    found = set()
    pattern = (r"^(\S+?):(\d+):\d+: warning: .*"
               r"holdfast::Storage(?:File)?::(\w+)\(.*is deprecated")
    for path, line, name in re.findall(pattern, result.stderr, flags=re.M):
        path = pathlib.Path(path)
        path = path.relative_to(ROOT) if path.is_absolute() else path
        inside = path.parts[0] in ("engine", "wal", "recovery") and path.parts[1] != "storage"
        if name not in NOT_CALLS and inside:
            found.add(Site(str(path), int(line), CALLS.get(name, name)))
    return found


def sites_in_source():
    files = [file.relative_to(ROOT) for folder in ("engine", "wal", "recovery")
             for file in sorted((ROOT / folder).rglob("*.cc")) if file.parent.name != "storage"]
    with tempfile.TemporaryDirectory() as overlay:
        target = pathlib.Path(overlay) / INTERFACE
        target.parent.mkdir(parents=True)
        target.write_text(marked_interface())
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return set().union(*pool.map(lambda file: sites_of(file, overlay), files))


def build():
    build_folder = ROOT / "build" / "sites"
    for command in (["cmake", "-S", ROOT, "-B", build_folder, "-G", "Ninja",
                     "-D", "CMAKE_BUILD_TYPE=Release", "-D", "CMAKE_CXX_FLAGS=-g1",
                     "-D", "HOLDFAST_TOOLS=ON"],
                    ["cmake", "--build", build_folder, "--target", "crashlab"]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{result.stdout}{result.stderr}")
    return build_folder / "fuzz" / "crashlab"


def sites_that_failed(program, seconds):
    command = [program, "run", "faults", "--json"] + (["--seconds", str(seconds)] if seconds else [])
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"crashlab ended with {result.returncode}:\n{result.stdout}")
    summary = json.loads(result.stdout.splitlines()[-1])
    places = [place for place in summary["places"] if place["struck"] > 0]
    # The call is just before the address that it returns to.
    lines = subprocess.run(["addr2line", "-e", program]
                           + [hex(place["address"] - 1) for place in places],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    found = set()
    for place, where in zip(places, lines):
        path, line = where.split(" ")[0].rsplit(":", 1)
        path = os.path.relpath(os.path.join(program.parent, path), ROOT)
        found.add(Site(path, int(line) if line.isdigit() else 0, place["call"]))
    return found, summary


def is_reached(site, failed):
    # A call over several lines goes by any of them.
    return any(site.file == other.file and site.call == other.call
               and abs(site.line - other.line) <= 3 for other in failed)


def main():
    parser = argparse.ArgumentParser(prog="sites", description="Whether every place in the source "
                                     "that calls storage was made to fail.")
    parser.add_argument("--seconds", type=float, help="of the sweep; all of it without")
    parser.add_argument("--list", action="store_true", help="only the places in the source")
    arguments = parser.parse_args()
    try:
        sites = sorted(sites_in_source())
        if arguments.list:
            for site in sites:
                print(f"{site.file}:{site.line}: {site.call}")
            print(f"{len(sites)} places")
            return DONE
        failed, summary = sites_that_failed(build(), arguments.seconds)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(f"sites: {error}", file=sys.stderr)
        return FAILED
    missing = 0
    for site in sites:
        if is_reached(site, failed):
            continue
        text = (ROOT / site.file).read_text().splitlines()[site.line - 1].strip()
        why = next((why for (file, part), why in EXCUSED.items()
                    if file == site.file and part in text), None)
        missing += why is None
        print(f"{site.file}:{site.line}: {site.call}: "
              + (why or f"never failed, or never called: {text}"))
    for site in sorted(failed):
        if not any(is_reached(other, {site}) for other in sites):
            print(f"{site.file}:{site.line}: {site.call}: failed, and isn't in the source's list")
            missing += 1
    reached = sum(is_reached(site, failed) for site in sites)
    print(f"{reached} of {len(sites)} places in the source failed, in {summary['runs']} runs")
    return FOUND if missing else DONE


if __name__ == "__main__":
    sys.exit(main())
