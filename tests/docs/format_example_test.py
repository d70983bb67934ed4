"""The bytes shown in docs/FORMAT.md are those that the engine writes.

Usage: format_example_test.py SOURCE_DIR DOCS_SAMPLE [--rewrite]
Blocks marked ```hex FILE hold lines of file offset, bytes, and words that explain them. With
--rewrite the bytes that differ are put right in place; read what the words say afterwards.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

LINE = re.compile(r"^([0-9a-f]{8})  ((?:[0-9a-f]{2} )+)( *)(.*)$")


def examine(text, folder):
    """The text with the bytes that are right, and what was wrong."""
    lines, faults, data, shown = [], [], None, 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            name = line.removeprefix("```hex ")
            data = (folder / name).read_bytes() if name != line else None
        elif data is not None:
            match = LINE.match(line)
            if match is None:
                faults.append(f"line {number} has no offset and bytes: {line}")
            else:
                offset, bytes_shown = int(match[1], 16), bytes.fromhex(match[2])
                there = data[offset:offset + len(bytes_shown)]
                shown += len(bytes_shown)
                if there != bytes_shown:
                    faults.append(f"line {number}: at {offset} lies {there.hex(' ')}")
                    line = f"{match[1]}  {there.hex(' ')} {match[3]}{match[4]}"
        lines.append(line)
    if shown == 0:
        faults.append("no bytes are shown")
    return "\n".join(lines), faults


def main():
    page = pathlib.Path(sys.argv[1]) / "docs/FORMAT.md"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for what in ("tiny", "tiny-log"):
            subprocess.run([sys.argv[2], what, folder / what], check=True)
        text, faults = examine(page.read_text(), folder)
    for fault in faults:
        print(f"docs/FORMAT.md: {fault}")
    if faults and sys.argv[3:] == ["--rewrite"]:
        page.write_text(text)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
