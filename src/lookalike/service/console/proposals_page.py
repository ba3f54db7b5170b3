"""What the doctor found: pictures of both sides, and a button that carries out what is proposed."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from lookalike.counted_nouns import how_many
from lookalike.gallery import Gallery
from lookalike.service.callers import Caller
from lookalike.service.console.dialogs import confirmed
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.console.pager import Pager
from lookalike.service.console.proposals import Carried, DoctorFindings, Finding, proposal_words
from lookalike.service.jobs.job_store import JobStore
from lookalike.service.people import People
from lookalike.workflows.people_doctor_report import HEADINGS

__all__ = ["add"]

#: Findings on a page.
_PAGE = 20


def _read(store: JobStore, job_id: str, gallery: Gallery) -> tuple[DoctorFindings, list[Finding], dict[str, Carried]]:
    found = DoctorFindings(store, job_id, gallery)
    return found, found.findings(), found.carried_out()


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/proposals/{job_id}")
    async def proposals(job_id: str) -> None:
        visitor = console.visitor("operator")
        if visitor is None:
            return
        with console.page("Findings of the doctor", visitor):
            ui.link("All jobs", "/jobs")
            content = ui.element("section").classes("rows")
        gallery = visitor.recognition.recognizer.gallery
        read = await visitor.ask(_read, console.app.state.jobs, job_id, gallery)
        if read is not None:
            with content:
                await _Findings(visitor, gallery, *read).show(0)


class _Findings:
    """Findings of a job, some at a time."""

    def __init__(
        self,
        visitor: Visitor,
        gallery: Gallery,
        source: DoctorFindings,
        findings: Sequence[Finding],
        carried: dict[str, Carried],
    ) -> None:
        self._visitor, self._people = visitor, People(gallery)
        self._source, self._findings, self._carried = source, findings, carried
        proposed = sum(one.proposal is not None for one in findings)
        ui.label(f"{how_many(len(findings), 'finding')}, {how_many(proposed, 'proposal')}. Nothing is done by itself.")
        self._box = ui.element("div").classes("rows")
        self._pager = Pager(_PAGE, self.show)

    async def show(self, first: int) -> None:
        self._box.clear()
        with self._box:
            kind = ""
            for finding in self._findings[first : first + _PAGE]:
                if finding.kind != kind:
                    self._heading(kind := finding.kind)
                self._article(finding)
        self._pager.at(first, len(self._findings))

    @staticmethod
    def _heading(kind: str) -> None:
        title, meaning = next((told for name, told in HEADINGS.items() if name == kind), (kind, ""))
        ui.html(title, tag="h2", sanitize=False)
        ui.label(meaning).classes("muted")

    def _article(self, finding: Finding) -> None:
        with ui.element("article").classes("panel"):
            ui.label(" · ".join(finding.identities)).style("font-weight: 650")
            ui.label(finding.reason)
            with ui.element("div").classes("pairs"):
                for pair in finding.pairs:
                    with ui.element("div").classes("pair"):
                        for picture in pair:
                            _figure(picture.address, picture.words)
            if not finding.pairs:
                ui.label("The report has no pictures of it.").classes("muted")
            acts = ui.row().classes("items-center").props('aria-live="polite"')
        self._acts(finding, acts)

    def _acts(self, finding: Finding, row: ui.row) -> None:
        """What can be done, or was."""
        row.clear()
        carried = self._carried.get(finding.id)
        with row:
            if carried is not None:
                ui.label(f"Done: {carried.done} (by {carried.caller}).")
                if carried.act is None:
                    ui.label("It cannot be taken back.").classes("muted")
                else:
                    button = ui.button("Undo", on_click=lambda: self._undo(finding, row)).props("outline no-caps")
                    button.props["aria-label"] = f"Undo: {carried.done}"
            elif finding.proposal is not None:
                words = proposal_words(finding.proposal)
                ui.button(words, on_click=lambda: self._carry_out(finding, row)).props("outline no-caps")
            else:
                ui.label("Nothing is proposed.").classes("muted")

    async def _carry_out(self, finding: Finding, row: ui.row) -> None:
        assert finding.proposal is not None
        words, final = proposal_words(finding.proposal), finding.proposal.act == "forget"
        after = "Deleted templates cannot be brought back." if final else "It can be taken back."
        if not await confirmed(f"{words}? {after}", words.split()[0], "negative" if final else "primary"):
            return
        done = await self._visitor.ask(self._source.carry_out, finding.id, Caller(self._visitor.key).actor)
        if done is not None:
            ui.notify(f"{done.done}.", type="positive")
        await self._again(finding, row)

    async def _undo(self, finding: Finding, row: ui.row) -> None:
        act = self._carried[finding.id].act
        if act is not None and await self._visitor.ask(self._people.undo, act) is not None:
            ui.notify("Taken back.", type="positive")
        await self._again(finding, row)

    async def _again(self, finding: Finding, row: ui.row) -> None:
        """Show what became of a finding, also where another page has done something."""
        carried = await self._visitor.ask(self._source.carried_out)
        if carried is not None:
            self._carried = carried
            self._acts(finding, row)


def _figure(address: str, words: str) -> None:
    with ui.element("figure"):
        image = ui.element("img").classes("crop")
        image.props["src"], image.props["alt"] = address, words
        with ui.element("figcaption"):
            ui.label(words)
