"""An interpreter that imports torch once, and runs each program that it is given in a process forked from it.

Importing torch and what training and evaluation need takes eight seconds, and many tests run programs. Forking pytest
itself could copy threads that autograd or an engine started there.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Seconds after which a program is killed.
LIMIT = 300


class ForkingInterpreter:
    """The interpreter that forks; `close` it when no program is left."""

    def __init__(self):
        self._process = None

    def run(self, program, *, folder=ROOT, env=None):
        """Run a program in a folder; its exit code and what it printed, as `subprocess.run` gives them.

        With `env`, variables that are set there and not here are set; torch has read its own by then.
        """
        if self._process is None:
            command = [sys.executable, __file__]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with tempfile.TemporaryDirectory() as said:
            request = {"program": program, "folder": str(folder), "env": env or {}, "said": said}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            texts = [Path(said, name).read_text("utf-8", errors="replace") for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(program, code, *texts)

    def close(self):
        if self._process is not None:
            self._process.communicate(timeout=30)


def forked(work):
    """Call a function in a child, which ends with the code it returns, and is killed at the limit; its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(LIMIT)
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def ended(child):
    """Wait for a child; its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _execute(program, folder, env, said):
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(said, name), os.O_WRONLY | os.O_CREAT), number)
    os.environ.update(env)
    os.chdir(folder)
    sys.path.insert(0, "")
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
    return 0


def _main():
    import sklearn.manifold  # noqa: F401 - this and the next two take seconds to import: here once
    import torch

    import lookalike.evaluation.evaluators
    import lookalike.training.trainer  # noqa: F401

    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1)], lr=0.1)  # imports for seconds, too
    del sys.path[0]  # this file's folder
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(f"{ended(forked(lambda given=request: _execute(**given)))}\n")
        sys.stdout.flush()
    os._exit(0)  # taking torch apart takes time


if __name__ == "__main__":
    _main()
