"""Serializers that threads keep: one request leaves nothing to the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from rest_framework import serializers

from jobs.http.kept import Kept


class GreetingSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)
    greeting = serializers.SerializerMethodField()

    def get_greeting(self, instance: dict[str, str]) -> str:
        return f"{self.context['word']} {instance['name']}"

    def validate_name(self, name: str) -> str:
        return f"{self.context.get('title', '')}{name}"


def test_what_is_shown_is_what_a_new_serializer_shows() -> None:
    kept = Kept(GreetingSerializer)
    for word in ("Hello", "Goodbye"):
        context = {"word": word}
        expected = GreetingSerializer({"name": "Ann"}, context=context).data
        assert kept.shown({"name": "Ann"}, context) == expected


def test_a_valid_body_after_an_invalid_one_and_another_way_round() -> None:
    kept = Kept(GreetingSerializer)
    with pytest.raises(serializers.ValidationError) as refused:
        kept.validated({"name": "too long"}, {})
    assert set(refused.value.detail) == {"name"}
    assert kept.validated({"name": "Ann"}, {"title": "Dr "}).validated_data == {"name": "Dr Ann"}
    assert kept.validated({"name": "Bob"}, {}).validated_data == {"name": "Bob"}
    bodies: list[Any] = [None, [], "x", {}]
    for body in bodies:
        with pytest.raises(serializers.ValidationError) as refused:
            kept.validated(body, {})
        with pytest.raises(serializers.ValidationError) as expected:
            GreetingSerializer(data=body).is_valid(raise_exception=True)
        assert refused.value.detail == expected.value.detail


def test_each_thread_has_its_own() -> None:
    kept = Kept(GreetingSerializer)

    def show(number: int) -> list[str]:
        context = {"word": str(number)}
        return [kept.shown({"name": "x"}, context)["greeting"] for _ in range(200)]

    with ThreadPoolExecutor(4) as pool:
        for number, shown in enumerate(pool.map(show, range(4))):
            assert set(shown) == {f"{number} x"}
