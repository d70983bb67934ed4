"""The house rules that a program can check, as a test.

Usage: tidy.py SOURCE_DIR. Ends with 1 when a rule is broken; warnings don't count.

- A folder includes only what dag.txt allows, and dag.txt has no cycle.
- Lines of .h and .cc files have at most 100 columns.
- Every .h and .cc file begins with a comment that says what it is. A .cc file may leave that to
  the header of its name, and a test to the header of what it tests.
- Headers have #pragma once.
- Public functions that answer a Result let no exception out: each is one call of at_boundary(), or
  of what is that for its class (change, move, ask).
- The example in README.md is docs/examples/hello.cc.
- Files past 400 lines are listed: look for the second noun.
"""

import pathlib
import re
import sys

COLUMNS_MAX = 100
LINES_WARN = 400
FOLDERS = ["include", "engine", "wal", "recovery", "server", "fuzz", "tools", "tests"]
PUBLIC_FILES = ["engine/database.cc", "engine/transaction.cc", "engine/savepoint.cc",
                "engine/write_batch.cc", "server/server.cc"]
PUBLIC = re.compile(r"^Result<[^\n]*> (?:Database|Reader|ReadTransaction|WriteTransaction|Savepoint|Cursor|WriteBatch|Server)::"
                    r"(\w+)\([^{]*{\n(.*?)^}", re.MULTILINE | re.DOTALL)
BOUNDARY = re.compile(r"  return (?:at_boundary|owned_->(?:change|all_or_nothing)|state_->(?:move|ask|change))\(")
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)


def read_dag(path):
    dag = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            folder, _, allowed = line.partition(":")
            dag[folder] = set(allowed.split())
    return dag


def find_cycle(dag):
    """A list of folders that include each other in a ring, or None."""
    done, path = set(), []

    def visit(folder):
        if folder in path:
            return path[path.index(folder):] + [folder]
        if folder in done:
            return None
        path.append(folder)
        for other in sorted(dag.get(folder, ())):
            cycle = visit(other)
            if cycle:
                return cycle
        path.pop()
        done.add(folder)
        return None

    for folder in sorted(dag):
        cycle = visit(folder)
        if cycle:
            return cycle
    return None


def folder_of(include):
    if include.startswith("holdfast/"):
        return "include/holdfast"
    return str(pathlib.PurePosixPath(include).parent)


def check_includes(name, text, dag):
    folder = str(pathlib.PurePosixPath(name).parent)
    if folder.startswith("tests"):
        return  # Tests may look into everything.
    if folder not in dag:
        yield f"{name}: folder {folder} is not in tests/tidy/dag.txt"
        return
    for include in INCLUDE.findall(text):
        target = folder_of(include)
        if target not in dag[folder] | {folder, "include/holdfast"}:
            yield f"{name}: {folder} may not include {include}"


def head_stands_elsewhere(root, name):
    """Whether the head comment of a file without one stands in a header of its name."""
    path = pathlib.PurePosixPath(name)
    stem = path.stem.removesuffix("_test")
    folders = [path.parent]
    if path.parts[0] == "tests":
        folder = pathlib.PurePosixPath(*path.parent.parts[1:])
        folders = [folder, "engine" / folder, folder / "lab"]
    return path.suffix == ".cc" and any((root / f / f"{stem}.h").exists() for f in folders)


def check_boundary(name, text):
    if name not in PUBLIC_FILES:
        return
    functions = PUBLIC.findall(text)
    if not functions:
        yield f"{name}: holds no public functions; tell PUBLIC_FILES where they are"
    for function, body in functions:
        if not BOUNDARY.match(body):
            yield f"{name}: {function}() isn't one call of at_boundary()"


def check_text(root, name, text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS_MAX:
            yield f"{name}:{number}: {len(line)} columns, more than {COLUMNS_MAX}"
    if not text.startswith(("//", "/*")) and not head_stands_elsewhere(root, name):
        yield f"{name}: no comment at its head"
    if name.endswith(".h") and "#pragma once" not in text:
        yield f"{name}: no #pragma once"


def main():
    root = pathlib.Path(sys.argv[1])
    dag = read_dag(root / "tests/tidy/dag.txt")
    faults = []
    cycle = find_cycle(dag)
    if cycle:
        faults.append("tests/tidy/dag.txt: a cycle, " + " -> ".join(cycle))
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*"))
             if path.suffix in (".h", ".cc")]
    for path in files:
        name = path.relative_to(root).as_posix()
        text = path.read_text()
        faults += check_includes(name, text, dag)
        faults += check_text(root, name, text)
        faults += check_boundary(name, text)
        lines = text.count("\n")
        if lines > LINES_WARN:
            print(f"warning: {name} has {lines} lines; look for the second noun")
    if (root / "docs/examples/hello.cc").read_text() not in (root / "README.md").read_text():
        faults.append("README.md: its example isn't docs/examples/hello.cc")
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
