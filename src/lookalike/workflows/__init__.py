"""Every job of the product as one function: an options dataclass in, a result dataclass out, nothing printed.

A workflow tells how far it is through a `lookalike.progress.ProgressSink`, and returns its remarks as `notes`. The
command line parses options, calls a workflow and prints its result; a service does the same over HTTP.

Import the submodules; this package itself loads nothing. Options and results stand at the top of a workflow's module,
and what the job needs is imported when it runs: `lookalike --help` and a service's schema read the options of all jobs
without loading NumPy or torch.
"""
