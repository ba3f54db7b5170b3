"""What the service is asked and what it answers, as pydantic models: shared by the service and `lookalike.client`.

They import neither torch nor the gallery, so that a client can be installed alone.
"""
