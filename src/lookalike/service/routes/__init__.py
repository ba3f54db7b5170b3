"""The routes of the API: each parses, calls one function, and serialises."""

from lookalike.service.routes.audit import router as audit
from lookalike.service.routes.gallery import router as gallery
from lookalike.service.routes.health import router as health
from lookalike.service.routes.jobs import router as jobs
from lookalike.service.routes.people import router as people
from lookalike.service.routes.pictures import router as pictures

__all__ = ["ROUTERS"]

ROUTERS = (pictures, people, gallery, jobs, audit, health)
