"""How long each kind of bad input takes to be refused, as a process of its own: what a user waits for one clear line.

Prints a JSON line for each kind (seconds: the shortest of several runs; cpu: user and system time of that run), then
the slowest, how many took more than two seconds, and the machine. A machine that is busy shows in `seconds`, not in
`cpu`. With `--source` another checkout's `src` is measured as well, in turns, and each line has the ratio.

    python benchmarks/refusal_times.py
    python benchmarks/refusal_times.py --source ../before/src --only "a gallery of another model"
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bad_input import BAD_INPUTS, BadInput, make_inputs
from peak_memory import machine

#: Seconds that a refusal may take.
AIM = 2.0
OWN = Path(__file__).parents[1] / "src"


def refusal(bad: BadInput, inputs: Path, source: Path, repeats: int) -> dict[str, Any]:
    """The quickest of several runs: seconds, CPU seconds, exit code and the last line of stderr."""
    runs = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as output:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "lookalike", *bad.command(inputs, Path(output))],
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
                env=os.environ | {"PYTHONPATH": str(source), "NO_COLOR": "1"},
            )
            seconds = time.perf_counter() - started
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        said = (done.stderr.strip().splitlines() or [""])[-1]
        runs.append({"seconds": round(seconds, 2), "cpu": round(cpu, 2), "code": done.returncode, "said": said})
    return min(runs, key=lambda run: run["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", help="kinds that hold this text")
    parser.add_argument("--source", type=Path, help="the src folder of another checkout, measured in turns")
    given = parser.parse_args()
    chosen = [bad for bad in BAD_INPUTS if given.only is None or given.only in bad.kind]
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs"
        make_inputs(inputs)
        lines = []
        for bad in chosen:
            line = {"kind": bad.kind, **refusal(bad, inputs, OWN, given.repeats)}
            line["clear"] = line["code"] == 2 and all(word in line["said"] for word in bad.words)
            if given.source is not None:
                other = refusal(bad, inputs, given.source, given.repeats)
                line["before"] = {name: other[name] for name in ("seconds", "cpu", "code")}
                line["ratio"] = round(other["seconds"] / line["seconds"], 2)
            line["said"] = line["said"].replace(folder, "")
            lines.append(line)
            print(json.dumps(line, ensure_ascii=False), flush=True)
    slow = [line["kind"] for line in lines if line["seconds"] > AIM]
    slowest = max(lines, key=lambda line: line["seconds"])
    print(
        json.dumps(
            {
                "kinds": len(lines),
                "clear": sum(line["clear"] for line in lines),
                "slowest": slowest["kind"],
                "seconds": slowest["seconds"],
                "slower_than_2_s": slow,
                "slower_than_2_s_of_cpu": [line["kind"] for line in lines if line["cpu"] > AIM],
                "load": os.getloadavg(),
                "machine": machine(),
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main()
