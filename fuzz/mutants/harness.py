"""A copy of the source tree that is built once, changed one file at a time, and put to the test.

The harness is the generic one: nothing here knows which mutant it runs. A stage is a program of the
crash lab with the seconds it may take; the first that fails is what killed the mutant.
"""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

FLAGS = "-O1"  # Every mutant is compiled and linked anew, and mostly dies within a second.
MEMORY_MAX = 4 << 30  # A mutant may eat without end.
SLACK_SECONDS = 30    # Past its budget a program hangs: one run takes milliseconds.
OUTPUT_MAX = 400_000
POINTS_SECONDS = 300  # The tests of every crash point have no clock; unmutated they take 20 s.

EXPLORE = "fuzz/explore"

# What the harness says when it fails, and the oracle that says so. The first that fits counts.
ORACLES = [
    ("rule: a needed block written", r"the rule was broken"),
    ("refused without cause", r"failed without cause"),
    ("model: state that came back", r"the state that opens is|the report says state"),
    ("verify()", r"verify\(\) finds"),
    ("leak", r"something leaks"),
    ("model: contents", r"the scan|a cursor after|get\(\)|contains\(\)|counts \d+ records|"
                        r"there is a tree|is missing|erase\(\) of"),
    ("lock", r"opened once more"),
    ("model: numbers", r"newest transaction is|writer's number|commit\(\) answers|"
                       r"a new reader sees|says that nothing had changed"),
    ("promise of a call", r"isn't durable|not everything is durable|left something|"
                          r"background work doesn't end|was taken"),
    ("poisoned close", r"close\(\) of a poisoned"),
    ("one file at rest", r"should be one file"),
    ("schedule", r"has a = |explore \S+ --replay|snapshot has changed|was promised, and|left behind"),
    ("harness's own tests", r"\[  FAILED  \]"),
]


class BuildError(Exception):
    """The copy doesn't build."""


@dataclass
class Verdict:
    """What became of one mutant."""
    killed: bool
    stage: str = ""
    oracle: str = ""
    detail: str = ""
    executions: int = 0
    cpu_seconds: float = 0.0


@dataclass
class Stage:
    name: str
    program: str
    arguments: list
    seconds: float  # For the program's own clock; None for one that ends by itself.


def source_files(root):
    """Paths below `root` that make up the project: git's, or all where there is no git."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                            capture_output=True, check=False)
    if listed.returncode == 0 and (root / ".git").exists():
        return {name for name in listed.stdout.decode().split("\0") if name and
                (root / name).is_file()}
    return {path.relative_to(root).as_posix() for path in root.rglob("*")
            if path.is_file() and not path.relative_to(root).parts[0].startswith(("build", ".git"))}


def write_if_other(path, data):
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Harness:
    """The copy, its build, and the runs."""

    def __init__(self, root, work, jobs):
        self.root = root
        self.tree = work / "tree"
        self.build = work / "build"
        self.jobs = jobs

    def copy(self):
        """Only what differs is written, so that only that is built again."""
        wanted = source_files(self.root)
        self.tree.mkdir(parents=True, exist_ok=True)
        for path in list(self.tree.rglob("*")):
            if path.is_file() and path.relative_to(self.tree).as_posix() not in wanted:
                path.unlink()
        for name in wanted:
            write_if_other(self.tree / name, (self.root / name).read_bytes())
        if not (self.build / "build.ninja").exists():
            self.run_tool("cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja",
                          "-D", "CMAKE_CXX_COMPILER=g++", "-D", "CMAKE_BUILD_TYPE=Release",
                          "-D", f"CMAKE_CXX_FLAGS_RELEASE={FLAGS}",
                          "-D", "HOLDFAST_TESTS=ON", "-D", "HOLDFAST_TOOLS=OFF")

    def make(self, program):
        done = subprocess.run(["ninja", "-C", self.build, f"-j{self.jobs}", program],
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"{program} doesn't build:\n{done.stdout.decode()[-2000:]}")

    def run_tool(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{command[0]} failed:\n{done.stderr.decode()[-2000:]}")

    def put(self, mutant):
        path = self.tree / mutant.path
        path.write_text(mutant.apply(path.read_text()))

    def take_back(self, mutant):
        shutil.copyfile(self.root / mutant.path, self.tree / mutant.path)

    def stages(self, seconds, of_harness):
        """Cheap ones first; what is left of the budget goes to random runs."""
        fuzz, test = "fuzz/crash_fuzz", "tests/crash_test"
        own = [
            Stage("tests of the disk", "tests/fuzz_test", [], None),
            Stage("tests of the oracles", test, ["--gtest_filter=OracleTest.*"], None),
        ]
        return (own if of_harness else []) + [
            Stage("random runs", fuzz, ["--seed", "1"], seconds / 12),
            Stage("every failing call", test, ["--gtest_filter=FaultTest.*"], None),
            Stage("every crash point", test, ["--gtest_filter=CrashTest.*"], None),
            Stage("slices of the sweeps", test, ["--gtest_filter=StandardWorkload*:*FlippedBits*:"
                  "*Swaps*:*Short*:LyingDisk.*:OddOpenings.*:CrowdTest.*:FullDisk.*:KeptTwice.*"], None),
            Stage("schedules", EXPLORE, ["--preemptions", "1"], seconds / 6),
            Stage("random runs", fuzz, ["--seed", "1000001"], seconds),
        ]

    def judge(self, seconds, of_harness):
        """Runs the stages until one fails. `seconds` is the budget of random runs."""
        verdict = Verdict(killed=False)
        for stage in self.stages(seconds, of_harness):
            self.make(stage.program)
            self.run_stage(stage, verdict)
            if verdict.killed:
                break
        return verdict

    def run_stage(self, stage, verdict):
        command = [str(self.build / stage.program), *stage.arguments]
        report = self.build / "report.json"
        report.unlink(missing_ok=True)
        limit = POINTS_SECONDS  # Of all that has no clock, or one for each of its parts.
        if stage.program == EXPLORE:
            command += ["--seconds", str(stage.seconds)]
        elif stage.seconds is None:
            command += ["--gtest_brief=1", f"--gtest_output=json:{report}"]
        else:
            limit = stage.seconds + SLACK_SECONDS
            command += ["--seconds", str(stage.seconds)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code, output = run_limited(command, limit)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        verdict.cpu_seconds += (after.ru_utime + after.ru_stime) - (before.ru_utime +
                                                                    before.ru_stime)
        verdict.executions += executions_in(output, report)
        if code == 0:
            return
        verdict.killed = True
        verdict.stage = stage.name
        verdict.oracle, verdict.detail = name_oracle(code, output)


def run_limited(command, limit):
    """The exit status, minus the signal, or None for a program that had to be ended; its output."""
    def confine():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdout=said, stderr=said, preexec_fn=confine) as child:
            # A loaded machine is slow: a hang is told by the processor's time, or by four times as
            # much on the clock.
            deadline = time.monotonic() + 4 * limit
            while child.poll() is None:
                if time.monotonic() > deadline or cpu_of(child.pid) > limit:
                    child.kill()
                    break
                time.sleep(0.02)
            code = child.wait() if child.returncode is not None else None
            child.wait()
        size = said.seek(0, 2)
        said.seek(max(0, size - OUTPUT_MAX))
        return code, said.read().decode(errors="replace")


def cpu_of(pid):
    """Seconds that the process has had so far."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def executions_in(output, report):
    """Lives that were lived: openings with the work that followed and an end."""
    if report.exists():
        tests = json.loads(report.read_text())
        return sum(int(test.get("executions", 0)) for suite in tests["testsuites"]
                   for test in suite["testsuite"])
    schedules = re.findall(r"(\d+) schedules", output)
    if schedules:
        return sum(int(count) for count in schedules)
    told = re.findall(r"(\d+) lives", output)
    return int(told[-1]) if told else 0


def name_oracle(code, output):
    """What kind of check failed, and its first words."""
    if code is None:
        return "hang", "the program had to be ended"
    found = re.search(r"(?:FOUND: |Expected: false\n|: FAULT\n  )(.*)", output)
    detail = found[1] if found else ""
    if code < 0:
        return "death", signal.Signals(-code).name
    for oracle, pattern in ORACLES:
        if re.search(pattern, detail) or (not detail and re.search(pattern, output)):
            return oracle, detail[:300]
    return "other", (detail or output[-300:])[:300]
