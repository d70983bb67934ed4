"""What the documents name exists.

Usage: names_test.py SOURCE_DIR. Ends with 1 when something is wrong. In every page of docs/, and
every README.md of the source folders:

- relative links lead to a file, and a fragment to a heading of it;
- `folder/file.ext` is a file; `folder/file.h` style names may stand for headers of the library;
- `Suite.Name` with the form of a test is a test;
- the first line is a heading, and each heading has its blank.

Besides: functions that docs/READING.md names, as `name()`, occur in a file of the same entry; the
table of folders in docs/ARCHITECTURE.md is tests/tidy/dag.txt; each file of its table of invariants
has the numbers; every constant of engine/base/limits.h and every error code stands in
docs/LIMITS.md; the code blocks of docs/TUTORIAL.md and docs/TESTING.md are excerpts of the programs
they name.
"""

import pathlib
import re
import sys

FOLDERS = "docs engine wal recovery server fuzz tests tools include cmake".split()
PATH = re.compile(r"`((?:%s)(?:/[\w.+-]+)*/[\w.+-]+\.(?:h|cc|md|py|txt|cmake))`" % "|".join(FOLDERS))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST_NAME = re.compile(r"`([A-Z]\w+)\.([A-Z]\w+)`")
TEST_MACRO = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")
FUNCTION = re.compile(r"`(?:[\w]+::)*(~?\w+)\(\)`")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def slug(heading):
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def check_links(root, page, prose):
    for link in LINK.findall(prose):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, fragment = link.partition("#")
        path = page.parent / target if target else page
        if not path.exists():
            yield f"link to {link}, which isn't there"
        elif fragment and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            if fragment not in map(slug, headings):
                yield f"link to {link}: no such heading"


def check_headings(text):
    for number, line in enumerate(FENCE.sub(lambda m: "\n" * m.group(0).count("\n"), text).split("\n"), 1):
        indented = line.lstrip()
        if number == 1 and not line.startswith("# "):
            yield f"begins with '{line[:40]}', which is no heading"
        elif re.match(r"#+[^#\s!]", indented):
            yield f"line {number}: '{indented[:40]}' is meant as a heading"


def check_names(root, prose, tests):
    for path in PATH.findall(prose):
        if not (root / path).exists():
            yield f"names {path}, which isn't there"
    for suite, name in TEST_NAME.findall(prose):
        if (suite, name) not in tests:
            yield f"names the test {suite}.{name}, which isn't there"


def check_reading(root):
    text = (root / "docs/READING.md").read_text()
    for entry in re.split(r"\n(?=\d+\. |\n)", text):
        files = [root / path for path in PATH.findall(entry)]
        code = "\n".join(path.read_text() for path in files if path.exists())
        for name in FUNCTION.findall(entry):
            if not re.search(rf"\b{re.escape(name)}\s*\(", code):
                yield f"no function {name}() in the files of: {entry.strip()[:60]}…"


def table_rows(text):
    for line in text.splitlines():
        if line.startswith("|") and not re.match(r"^\|[\s|:-]*\|$", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def check_dag(root, text):
    table = text.partition("<!-- dag -->")[2].partition("<!-- /dag -->")[0]
    ours = {row[0].strip("`"): set(re.findall(r"`([^`]+)`", row[2]))
            for row in list(table_rows(table))[1:]}
    theirs = {}
    for line in (root / "tests/tidy/dag.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            folder, _, allowed = line.partition(":")
            theirs[folder] = set(allowed.split())
    for folder in sorted(ours.keys() | theirs.keys()):
        if ours.get(folder) != theirs.get(folder):
            yield (f"folder {folder} may include {sorted(ours.get(folder, ['(not listed)']))}, "
                   f"says the table; {sorted(theirs.get(folder, ['(not listed)']))}, says dag.txt")


def check_invariants(root, text):
    section = text.partition("\n## Invariants\n")[2].partition("\n## ")[0]
    found = 0
    for row in table_rows(section):
        span = re.match(r"([A-Z])(\d+)(?:–[A-Z](\d+))?$", row[0])
        if not span:
            continue
        found += 1
        code = (root / row[2].strip("`")).read_text()
        numbers = range(int(span[2]), int(span[3] or span[2]) + 1)
        for number in numbers:
            if not re.search(rf"\b{span[1]}{number}\b", code):
                yield f"{span[1]}{number} isn't in {row[2]}"
        if re.search(rf"^[/* -]*\**{span[1]}{numbers[-1] + 1}\b", code, re.MULTILINE):
            yield f"{row[2]} has {span[1]}{numbers[-1] + 1} too"
    if found < 8:
        yield "the table of invariants wasn't found"


def check_limits(root):
    text = (root / "docs/LIMITS.md").read_text()
    header = (root / "engine/base/limits.h").read_text()
    names = re.findall(r"^(?:inline )?constexpr [\w:]+ (\w+)", header, re.MULTILINE)
    for name in names:
        if not re.search(rf"\b{name}\b", text):
            yield f"docs/LIMITS.md doesn't mention {name}"
    codes = re.findall(r"^  (k\w+) =\s*(\d+),", (root / "include/holdfast/error.h").read_text(),
                       re.MULTILINE)
    for name, number in codes:
        if not re.search(rf"\| {number} \| `{name}`", text):
            yield f"docs/LIMITS.md doesn't list error code {number}, {name}"


def check_excerpts(root, page):
    text = (root / page).read_text()
    program = None
    blocks = 0
    for part in re.split(r"(^```cpp\n.*?^```$)", text, flags=re.MULTILINE | re.DOTALL):
        if not part.startswith("```cpp\n"):
            named = re.findall(r"\(examples/(\w+\.cc)\)", part)
            program = named[-1] if named else program
            continue
        blocks += 1
        lines = [line.strip() for line in part.split("\n")[1:-1]]
        source = [line.strip() for line in (root / "docs/examples" / program).read_text().split("\n")]
        if not any(source[i:i + len(lines)] == lines for i in range(len(source))):
            yield f"{page}: the block that begins '{lines[0]}' isn't in {program}"
    if blocks == 0:
        yield f"{page} has no code"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    tests = set()
    for path in (root / "tests").rglob("*"):
        if path.suffix in (".cc", ".h"):
            tests.update(TEST_MACRO.findall(path.read_text()))
    pages = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.md"))]
    pages.append(root / "README.md")
    faults = []
    for page in pages:
        text = page.read_text()
        prose = FENCE.sub("", text)
        name = page.relative_to(root)
        faults += [f"{name}: {fault}" for fault in check_headings(text)]
        faults += [f"{name}: {fault}" for fault in check_links(root, page, prose)]
        faults += [f"{name}: {fault}" for fault in check_names(root, prose, tests)]
    architecture = (root / "docs/ARCHITECTURE.md").read_text()
    faults += [f"docs/READING.md: {fault}" for fault in check_reading(root)]
    faults += [f"docs/ARCHITECTURE.md: {fault}" for fault in check_dag(root, architecture)]
    faults += [f"docs/ARCHITECTURE.md: {fault}" for fault in check_invariants(root, architecture)]
    faults += check_limits(root)
    faults += check_excerpts(root, "docs/TUTORIAL.md")
    faults += check_excerpts(root, "docs/TESTING.md")
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
