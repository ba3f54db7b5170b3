"""Jobs: the doctor and evaluations, how far they are, and their reports."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import FileResponse, Response
from nicegui import app as nicegui_app
from nicegui import ui

from lookalike.errors import UnknownIdentityError
from lookalike.service.api_keys import allows
from lookalike.service.callers import Caller
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.jobs.job_commands import needed_role
from lookalike.service.jobs.job_store import Job, JobStore
from lookalike.service.middleware import REPORT_POLICY

__all__ = ["add"]


def add(console: Console) -> None:
    """Register the page, and the reports that jobs wrote."""

    @nicegui_app.get("/reports/{job_id}")
    def report(request: Request, job_id: str) -> Response:
        key = console.sessions.key_of(str(request.session.get("id", "")))
        if key is None or not allows(key.role, "operator"):
            return Response("Sign in with a key of the role operator.", 403, media_type="text/plain")
        try:
            path = console.app.state.jobs.file(job_id, "report.html")
        except UnknownIdentityError as error:
            return Response(str(error), 404, media_type="text/plain")
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    @ui.page("/jobs")
    async def jobs() -> None:
        visitor = console.visitor("operator")
        if visitor is None:
            return
        store: JobStore = console.app.state.jobs
        seen: dict[str, object] = {}

        async def start(asked: dict[str, object]) -> None:
            if await visitor.ask(store.add, asked, Caller(visitor.key).actor) is not None:
                await refresh()

        async def cancel(job_id: str) -> None:
            await visitor.ask(store.cancel, job_id)
            await refresh()

        async def refresh() -> None:
            found = await visitor.ask(_state, store)
            if found is None or found == seen.get("state"):
                return
            seen["state"] = found
            listed.clear()
            with listed:
                if not found:
                    ui.label("There was no job yet.")
                for job, line, files in found:
                    _show(visitor, job, line, files, cancel)

        with console.page("Jobs", visitor):
            with ui.element("section").classes("panel"):
                ui.label("Look for what is wrong in the gallery: names of one person, wrong names, poor pictures.")
                doctor = {"kind": "doctor", "measure_quality": False}
                ui.button("Start the doctor", on_click=lambda: start(doctor)).props("no-caps")
                names = sorted(console.app.state.settings.data)
                if visitor.may(needed_role("evaluate")) and names:
                    data = (
                        ui.select(names, value=names[0], label="Labelled pictures").props("outlined").classes("w-full")
                    )
                    ui.button(
                        "Evaluate the model on them",
                        on_click=lambda: start(
                            {"kind": "evaluate", "data": data.value, "enrolled": 1, "calibrate": False}
                        ),
                    ).props("no-caps")
            listed = (
                ui.element("section")
                .classes("w-full")
                .style("display: flex; flex-direction: column; gap: 16px")
                .props('aria-live="polite"')
            )
        await refresh()
        ui.timer(1.0, refresh)


def _state(store: JobStore) -> list[tuple[Job, str, tuple[str, ...]]]:
    """The last jobs, a line about how far each is, and what it wrote."""
    found = []
    for job in store.listed()[:20]:
        event = store.last_event(job.id) or {}
        line = f"{event['stage']}: {event['done']} of {event['total'] or '?'}" if event.get("stage") else ""
        found.append((job, "" if job.ended else line, tuple(store.files(job.id)) if job.ended else ()))
    return found


def _show(visitor: Visitor, job: Job, line: str, files: tuple[str, ...], cancel: object) -> None:
    with ui.element("article").classes("panel"):
        ui.label(f"{job.kind}: {job.state}").style("font-weight: 650")
        ui.label(f"asked by {job.caller}, {job.created_at[:19].replace('T', ' ')}").classes("muted")
        if line:
            ui.label(line)
        if job.error:
            ui.label(job.error)
        if "report.html" in files:
            ui.link("Report", f"/reports/{job.id}", new_tab=True)
        if job.kind == "doctor" and "findings.json" in files:
            ui.link("Findings, and what can be done", f"/proposals/{job.id}")
        if not job.ended and visitor.may(needed_role(job.kind)):
            ui.button("Cancel", on_click=lambda: cancel(job.id)).props("outline no-caps")  # type: ignore[operator]
