"""How the demos show where they are."""

from lookalike.cli.demo_steps import StepDisplay
from lookalike.progress import Progress
from lookalike.workflows.demo_steps import STAGE, Steps


def test_a_step_is_announced_on_stderr_once(capsys):
    with StepDisplay() as display:
        steps = Steps(["Faces [of 40]", "The report"], display)
        steps.begin()
        display(Progress("ArcFace", 3, 10, "loss 0.4"))
        steps.begin()
        steps.end()
    captured = capsys.readouterr()
    assert captured.err == "\n1  Faces [of 40]\n\n2  The report\n"  # bars are for a terminal
    assert captured.out == ""


def test_a_warning_is_a_note_whatever_reported_last(capsys):
    with StepDisplay() as display:
        display(Progress(STAGE, 0, 2, "Learn"))
        display(Progress(STAGE, 0, 2, "Learn", "everything becomes alike"))
        display(Progress("ArcFace", 0, 2, "", "too few photos"))
    captured = capsys.readouterr()
    assert captured.err == "\n1  Learn\nnote: everything becomes alike\nnote: too few photos\n"
