"""The REST API of what can be reported, and of who answers."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from reports.catalogue.serializers import CategorySerializer, DepartmentSerializer
from reports.models import Category, Department, Question

ACCEPT_LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description="Your languages; the texts come in the first one in which they exist.",
)
ASKED = Prefetch("questions", Question.objects.filter(retired_at=None))


class CategoryListView(ListAPIView[Category]):
    """List the categories that a report may have."""

    permission_classes = (AllowAny,)
    serializer_class = CategorySerializer
    ordering = ("slug",)
    queryset = (
        Category.objects.filter(is_active=True)
        .select_related("department", "group")
        .defer("examples")
        .prefetch_related(ASKED)
        .order_by("slug")
    )

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        request = context["request"]  # None while the schema is made
        return context | {"accepted": request.headers.get("Accept-Language", "") if request else ""}

    @extend_schema(operation_id="categories_list", parameters=[ACCEPT_LANGUAGE], tags=["reports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the categories of reports.

        What can be reported, such as `pothole`: each with the department that answers and the
        questions that a report in it should answer.
        """
        response = super().get(request, *args, **kwargs)
        patch_vary_headers(response, ["Accept-Language"])
        return response


class DepartmentListView(ListAPIView[Department]):
    """List the departments."""

    permission_classes = (AllowAny,)
    serializer_class = DepartmentSerializer
    ordering = ("slug",)
    queryset = Department.objects.order_by("slug")

    @extend_schema(operation_id="departments_list", tags=["reports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the departments.

        They answer the reports of their categories.
        """
        return super().get(request, *args, **kwargs)
