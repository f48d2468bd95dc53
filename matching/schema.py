"""How the OpenAPI document describes matching."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse

TOO_MANY_REQUESTS = OpenApiResponse(
    description="You did this too often within an hour; wait for `Retry-After` seconds."
)
