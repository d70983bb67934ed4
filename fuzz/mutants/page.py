"""The page of results: docs/MUTANTS.md."""

import re
import statistics

HEAD = """# Seeded bugs, and what found them

Made by `python3 fuzz/mutants/mutants.py --table docs/MUTANTS.md`; don't edit it. Each mutant is a
small change of the engine, or of the harness itself, kept as text in `fuzz/mutants`. The command
puts one after another into a copy of the source, builds it, and runs the crash lab, which knows
nothing of mutants: random runs, every failing call, every crash point, a slice of each sweep, every
schedule with one preemption, and random runs again, up to {seconds:.0f} seconds of them. The first oracle
that objects ends it.

*Executions* are lives that databases lived: an opening, work, an end. *CPU* is seconds of
processor until the kill, of the harness alone, on whatever machine made this page. A row with † is
older than the rest: what came of the mutant when an earlier version of the engine and of the lab
made this page.
"""

ROW = re.compile(r"\| `(?P<name>\w+)`(?: †)? \| (?P<tale>.*) \| (?P<how>[^|]*) "
                 r"\| (?P<executions>[\d,]*) \| (?P<cpu>[\d.]*) \|")


def rows_of(text, mutants):
    """What the page as it was says of mutants that are still the same, as far as one can see."""
    tales = {mutant.name: mutant.tale for mutant in mutants}
    results = {}
    for found in map(ROW.fullmatch, text.splitlines()):
        if not found or tales.get(found["name"]) != found["tale"] or not found["executions"]:
            continue
        oracle, _, stage = found["how"].rpartition(", in ")
        results[found["name"]] = {"killed": bool(oracle), "stage": stage, "oracle": oracle,
                                  "executions": int(found["executions"].replace(",", "")),
                                  "cpu_seconds": float(found["cpu"]), "older": True}
    return results


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def figures(mutants, results):
    """The sums at the top."""
    mortal = [mutant for mutant in mutants if not mutant.proof]
    killed = [results[mutant.name] for mutant in mortal
              if results.get(mutant.name, {}).get("killed")]
    lines = [f"**{len(killed)} of {len(mortal)} killed**, "
             f"{sum(mutant.of_harness for mutant in mortal)} of them mutants of the harness; "
             f"{len(mutants) - len(mortal)} more are equivalent, with the proof below. "
             f"{sum(bool(mutant.excuse) for mutant in mortal)} are known to survive, "
             f"{sum(mutant.name not in results for mutant in mortal)} were not run, "
             f"{sum(results.get(mutant.name, {}).get('older', False) for mutant in mortal)} rows "
             f"are older (†)."]
    if killed:
        seconds = [result["cpu_seconds"] for result in killed]
        lines.append(f"CPU seconds to the kill: median {statistics.median(seconds):.2f}, "
                     f"95 % within {percentile(seconds, 0.95):.1f}, most {max(seconds):.1f}.")
    return "\n".join(lines) + "\n"


def row(mutant, result):
    if result is None:
        end = "not run | | |"
    elif result["killed"]:
        end = (f"{result['oracle']}, in {result['stage']} | {result['executions']:,} | "
               f"{result['cpu_seconds']:.2f} |")
    else:
        end = f"**SURVIVED** | {result['executions']:,} | {result['cpu_seconds']:.0f} |"
    older = " †" if result is not None and result.get("older") else ""
    return f"| `{mutant.name}`{older} | {mutant.tale} | {end}"


def table(mutants, results):
    lines = ["| mutant | story | killed by | executions | CPU |", "|---|---|---|---|---|"]
    lines += [row(mutant, results.get(mutant.name)) for mutant in mutants]
    return "\n".join(lines) + "\n"


def render(mutants, results, seconds):
    """The whole page."""
    mortal = [mutant for mutant in mutants if not mutant.proof]
    parts = [HEAD.format(seconds=seconds), figures(mutants, results)]
    for path in dict.fromkeys(mutant.path for mutant in mortal if not mutant.of_harness):
        parts.append(f"## {path}\n")
        parts.append(table([mutant for mutant in mortal
                            if mutant.path == path and not mutant.of_harness], results))
    parts.append("## The harness\n\nThe harness's own tests come first here.\n")
    parts.append(table([mutant for mutant in mortal if mutant.of_harness], results))
    parts.append("## Survivors\n\nWhat the lab doesn't see yet, and why.\n")
    parts += [f"- `{mutant.name}` ({mutant.path}). {mutant.tale} {mutant.excuse}"
              for mutant in mortal if mutant.excuse]
    parts.append("")
    parts.append("## Equivalent\n\nRun like the others, so that a wrong proof shows.\n")
    for mutant in mutants:
        if mutant.proof:
            parts.append(f"- `{mutant.name}` ({mutant.path}). {mutant.tale} "
                         f"{mutant.proof}")
    return "\n".join(parts) + "\n"
