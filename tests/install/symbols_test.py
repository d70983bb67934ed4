"""The shared library shows what the public headers export, and nothing of its inside.

Usage: symbols_test.py SOURCE_DIR LIBRARY. Weak symbols are left out: templates and inline functions
of the standard library, which every C++ library shares.
"""

import pathlib
import re
import subprocess
import sys

EXPORTED = re.compile(r"(?:class|struct) HOLDFAST_EXPORT (\w+)|HOLDFAST_EXPORT [\w:*& ]+?(\w+)\(")


def main():
    source, library = map(pathlib.Path, sys.argv[1:3])
    public = set()
    for header in (source / "include/holdfast").glob("*.h"):
        for names in EXPORTED.findall(header.read_text()):
            public.update(name for name in names if name)
    assert len(public) > 8, public
    listed = subprocess.run(["nm", "--dynamic", "--defined-only", "--demangle", library], check=True,
                            capture_output=True, text=True).stdout
    shown = 0
    for line in listed.splitlines():
        _, kind, name = line.split(" ", 2)
        if kind in "WwVvu":
            continue
        owner = re.match(r"(?:typeinfo (?:name )?for |vtable for )?holdfast::(\w+)", name)
        if not owner or owner.group(1) not in public:
            raise SystemExit(f"{library} shows {name} ({kind}), which no public header exports")
        shown += 1
    assert shown > 50, f"only {shown} symbols are shown"
    print(f"{shown} symbols, all of {len(public)} public names")


if __name__ == "__main__":
    main()
