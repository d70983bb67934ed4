"""Seeded bugs as text: reading the files beside this one, and putting a bug into source text.

A mutant is a name, the file it is in, its story, and hunks of lines to find and to put there
instead; README.md shows one. White space in what is to be found stands for any white space, so that
a reformatted source still matches. What is to be found must be there exactly once.
"""

import hashlib
import pathlib
import re
from dataclasses import dataclass, field

HEAD = re.compile(r"^(\w+) in (\S+)$")
MARK = re.compile(r"(Equivalent|Survives):")


class Fault(Exception):
    """Something about a mutant that its author must mend."""


@dataclass
class Hunk:
    find: list[str] = field(default_factory=list)
    put: list[str] = field(default_factory=list)


@dataclass
class Mutant:
    name: str
    path: str
    place: str  # Where it is written: file and line.
    story: list[str] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)

    @property
    def of_harness(self):
        return self.place.startswith("harness.txt:")

    @property
    def proof(self):
        """Why nobody could tell it from the original; empty for one that must die."""
        return self.marked("Equivalent")

    @property
    def excuse(self):
        """Why the lab doesn't find it yet; empty for one that it finds."""
        return self.marked("Survives")

    def marked(self, mark):
        kind = MARK.search(" ".join(self.story))
        return " ".join(self.story)[kind.end():].strip() if kind and kind[1] == mark else ""

    @property
    def digest(self):
        """Changes when the mutant does."""
        text = self.path + "".join("\n".join(["-", *hunk.find, "+", *hunk.put])
                                   for hunk in self.hunks)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def tale(self):
        return MARK.split(" ".join(self.story))[0].strip()

    def apply(self, text):
        """The text with the bug in it."""
        for hunk in self.hunks:
            words = "\n".join(hunk.find).split()
            pattern = re.compile(r"\s+".join(re.escape(word) for word in words))
            found = list(pattern.finditer(text))
            if len(found) != 1:
                raise Fault(f"{self.place}: {self.name}: {len(found)} places in {self.path} match "
                            f"'{' '.join(words)}'; write it so that there is exactly one")
            begin, end = found[0].span()
            text = text[:begin] + "\n".join(hunk.put) + text[end:]
        return text


def read_lines(path):
    """The mutants of one file."""
    mutants = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path.name}:{number}"
        head = HEAD.match(line)
        if head:
            mutants.append(Mutant(head[1], head[2], place))
        elif not line.strip() or line.startswith("#"):
            continue
        elif not mutants:
            raise Fault(f"{place}: a mutant begins with a line 'NAME in FILE'")
        elif line.startswith("  "):
            mutants[-1].story.append(line.strip())
        elif line[0] == "-":
            hunks = mutants[-1].hunks
            if not hunks or hunks[-1].put:
                hunks.append(Hunk())
            hunks[-1].find.append(line[1:])
        elif line[0] == "+" and mutants[-1].hunks:
            mutants[-1].hunks[-1].put.append(line[1:])
        else:
            raise Fault(f"{place}: neither '  story', '-find' nor '+put': {line}")
    return mutants


def faults_of(mutant, names, root):
    """What its author must mend."""
    if mutant.name in names:
        return f"{mutant.place}: there is another mutant {mutant.name}"
    if not mutant.tale or not mutant.hunks:
        return f"{mutant.place}: {mutant.name} lacks a story or a hunk"
    source = root / mutant.path
    if not source.is_file():
        return f"{mutant.place}: {mutant.name}: there is no file {mutant.path}"
    text = source.read_text()
    try:
        changed = mutant.apply(text)
    except Fault as fault:
        return str(fault)
    return "" if changed != text else f"{mutant.place}: {mutant.name} changes nothing"


def read_all(folder, root):
    """Every mutant there is, in order; raises Fault where some don't fit the source in `root`."""
    mutants, names, faults = [], set(), []
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        for mutant in read_lines(path):
            faults.append(faults_of(mutant, names, root))
            names.add(mutant.name)
            mutants.append(mutant)
    if any(faults):
        raise Fault("\n".join(filter(None, faults)))
    return mutants
