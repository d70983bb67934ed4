"""Proves the prover: puts one seeded bug after another into the engine and runs the harness.

    mutants.py --check              every mutant fits the source
    mutants.py                      all of them, one at a time
    mutants.py NAME…                these
    mutants.py --slice 3            three, chosen by the number of commits: a rerun repeats them

Ends with 0 when all that must die did, 5 when one survived (or one that was proven equivalent
died), 2 for a command line that means nothing, 3 when something could not be read, built or run.
Results are kept in the working folder, and --table writes a page of them.
"""

import argparse
import json
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True  # The folder is part of the source.

import harness  # noqa: E402
import mutant_files  # noqa: E402
import page  # noqa: E402

class UsageError(Exception):
    """A command line that means nothing."""


HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DONE, USAGE, FAILED, FOUND = 0, 2, 3, 5


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="mutants", description="Puts seeded bugs into a copy of the engine and tells which "
        "oracle of the crash lab finds each.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants to run; all without one")
    parser.add_argument("--check", action="store_true", help="only see that all fit the source")
    parser.add_argument("--list", action="store_true", help="names and stories")
    parser.add_argument("--slice", type=int, metavar="N", help="N of them, by the commit count")
    parser.add_argument("--seconds", type=float, default=60, metavar="S",
                        help="of random runs for each; besides come the crash points (default 60)")
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="for the compiler")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build-mutants", metavar="DIR",
                        help="the copy, its build and the results (default ./build-mutants)")
    parser.add_argument("--kept", action="store_true",
                        help="only those of which no result is kept in the working folder")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE",
                        help="write the page of all results so far")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each mutant")
    return parser.parse_args()


def choose(mutants, arguments):
    if arguments.slice is not None:
        mutants = [mutant for mutant in mutants if not mutant.excuse]  # They are known.
        if arguments.names or not 0 < arguments.slice <= len(mutants):
            raise UsageError(f"--slice takes 1 to {len(mutants)} and no names")
        count = subprocess.run(["git", "-C", ROOT, "rev-list", "--count", "HEAD"],
                               capture_output=True, check=False)
        if count.returncode != 0:
            raise UsageError("--slice counts commits, and this is no git work tree")
        first = int(count.stdout) * arguments.slice
        return [mutants[(first + i) % len(mutants)] for i in range(arguments.slice)]
    known = {mutant.name: mutant for mutant in mutants}
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        raise UsageError(f"no mutant is called {', '.join(unknown)}; --list shows all")
    return [known[name] for name in arguments.names] or mutants


def kept_results(arguments):
    path = arguments.work / "results.json"
    return json.loads(path.read_text()) if path.exists() else {}


class Campaign:
    """One mutant after another through the harness."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.lab = harness.Harness(ROOT, arguments.work, arguments.jobs)
        self.results_path = arguments.work / "results.json"
        self.results = kept_results(arguments)

    def begin(self):
        """The harness must be content with the engine as it is, or a kill means nothing."""
        self.lab.copy()
        verdict = self.lab.judge(self.arguments.seconds / 10, of_harness=True)
        if verdict.killed:
            raise mutant_files.Fault(f"the harness fails without any mutant, in {verdict.stage}: "
                                     f"{verdict.oracle}: {verdict.detail}")
        self.tell(f"unmutated: content after {verdict.executions} executions, "
                  f"{verdict.cpu_seconds:.0f} CPU seconds")

    def run(self, mutant):
        self.lab.put(mutant)
        try:
            verdict = self.lab.judge(self.arguments.seconds, mutant.of_harness)
        finally:
            self.lab.take_back(mutant)
        self.results[mutant.name] = {"digest": mutant.digest, **vars(verdict)}
        self.results_path.write_text(json.dumps(self.results, indent=1))
        return verdict

    def tell(self, line):
        print(line, file=sys.stderr if self.arguments.json else sys.stdout, flush=True)

    def tell_verdict(self, mutant, verdict):
        if self.arguments.json:
            print(json.dumps({"mutant": mutant.name, "equivalent": bool(mutant.proof),
                              **vars(verdict)}), flush=True)
            return
        effort = f"{verdict.executions} executions, {verdict.cpu_seconds:.1f} CPU seconds"
        if verdict.killed:
            self.tell(f"{mutant.name}: killed by {verdict.oracle} in {verdict.stage} after "
                      f"{effort}: {verdict.detail}")
        elif mutant.proof:
            self.tell(f"{mutant.name}: lives, as it must: {mutant.proof}")
        else:
            self.tell(f"{mutant.name}: SURVIVED {effort}. {mutant.excuse}")


def run_all(chosen, arguments):
    campaign = Campaign(arguments)
    campaign.begin()
    wrong, broken = [], False
    for mutant in chosen:
        try:
            verdict = campaign.run(mutant)
        except harness.BuildError as failed:
            broken = True
            campaign.tell(f"{mutant.name} ({mutant.place}): {failed}")
            continue
        campaign.tell_verdict(mutant, verdict)
        if verdict.killed == bool(mutant.proof):
            wrong.append((mutant, verdict))
    campaign.tell(f"{len(chosen)} mutants, {len(wrong)} not as they should be")
    for mutant, verdict in wrong:
        what = "EQUIVALENT, AND YET KILLED" if verdict.killed else "SURVIVOR"
        campaign.tell(f"{what}: {mutant.name} in {mutant.path} ({mutant.place}): {mutant.tale}")
    return FAILED if broken else FOUND if wrong else DONE


def main():
    arguments = read_arguments()
    try:
        mutants = mutant_files.read_all(HERE, ROOT)
        chosen = choose(mutants, arguments)
        if arguments.list:
            for mutant in chosen:
                print(f"{mutant.name} ({mutant.path}): {mutant.tale}")
            return DONE
        if arguments.check:
            print(f"{len(mutants)} mutants fit the source")
            return DONE
        if arguments.kept:
            kept = kept_results(arguments)
            chosen = [mutant for mutant in chosen
                      if kept.get(mutant.name, {}).get("digest") != mutant.digest]
        code = run_all(chosen, arguments) if chosen else DONE
        if arguments.table:
            before = arguments.table.read_text() if arguments.table.exists() else ""
            results = page.rows_of(before, mutants) | kept_results(arguments)
            arguments.table.write_text(page.render(mutants, results, arguments.seconds))
        return code
    except UsageError as wrong:
        print(f"mutants: {wrong}", file=sys.stderr)
        return USAGE
    except (mutant_files.Fault, harness.BuildError, OSError) as wrong:
        print(f"mutants: {wrong}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
