"""Text to vectors: what every embedder promises, the packaged model, the server client, and who may
load them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from embeddings import embedder as embedder_module
from embeddings import minilm
from embeddings.embedder import (
    BatchedEmbedder,
    Vectors,
    clean_text,
    get_embedder,
    space_of,
    unit_rows,
)
from embeddings.errors import (
    EmbedderInWebProcess,
    EmbedderMisconfigured,
    EmbeddingRefused,
    EmbeddingUnavailable,
)
from embeddings.http import HttpEmbedder
from embeddings.minilm import MiniLmEmbedder
from jobs.errors import PermanentError
from jobs.models import Task
from jobs.testing import run_tasks
from matching.models import OpportunityVector, VectorSpace
from matching.opportunities.publishing import announce
from matching.vectors.spaces import label_of
from matching.vectors.storing import SPLIT_FROM_ATTEMPT, embed_each
from tests.matching.factories import make_opportunity

pytestmark = pytest.mark.slow

ODD_TEXTS = [
    "",
    " \n\t",
    "\x00",
    "\ud83d",
    "\u200b",
    "😀" * 3000,
    "x" * 1_000_000,
    "pothole " * 130_000,
    "\u202e\u0301 ه",
]


class LoadCounter(BatchedEmbedder):
    """Counts how often it is made."""

    name, version, dimensions, max_tokens = "counter", "1", 2, 8
    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def _encode(self, texts: list[str]) -> Vectors:
        return np.ones((len(texts), 2), dtype=np.float32)


class Recorder(BatchedEmbedder):
    """Encodes a text as its length; remembers the batches."""

    name, version, dimensions, max_tokens = "recorder", "1", 2, 256

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def _encode(self, texts: list[str]) -> Vectors:
        self.batches.append(texts)
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


@pytest.fixture
def vectors_computed_once() -> None:
    """Leave the embedder as it is, since these tests are about it."""


@pytest.fixture(scope="module")
def model() -> MiniLmEmbedder:
    embedder = get_embedder()
    assert isinstance(embedder, MiniLmEmbedder)
    return embedder


def test_rows_are_finite_float32_of_unit_length_or_zero_whatever_the_text(
    model: MiniLmEmbedder,
) -> None:
    vectors = model.embed(ODD_TEXTS)
    assert vectors.shape == (len(ODD_TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))


def test_a_text_that_says_nothing_is_zero(model: MiniLmEmbedder) -> None:
    assert not model.embed(["", "  \r\n", "\x00", "\ud83d"]).any()


def test_no_texts_give_no_rows(model: MiniLmEmbedder) -> None:
    assert model.embed([]).shape == (0, 384)


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_embedded(text: str) -> None:
    vector = get_embedder().embed([text])[0]
    assert np.isfinite(vector).all()


def test_like_meanings_are_near_and_others_far(model: MiniLmEmbedder) -> None:
    lamp, light, hole = model.embed(
        ["The street lamp is not working", "Street light is out", "Deep hole in the road"]
    )
    assert lamp @ light > 0.6
    assert lamp @ hole < 0.4


def test_a_text_is_embedded_alike_alone_and_in_a_batch(model: MiniLmEmbedder) -> None:
    texts = [
        "Pothole",
        "A tree has fallen across the road and blocks both lanes " * 6,
        "Snow was not cleared",
    ]
    alone: Vectors = np.vstack([model.embed([text]) for text in texts])
    assert np.allclose(model.embed(texts), alone, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [101, 7592, 2088, 102]),
        ("CAFÉ", [101, 7668, 102]),
        ("I'm", [101, 1045, 1005, 1049, 102]),
        ("日本語", [101, 1864, 1876, 1950, 102]),
        ("😀 pothole", [101, 100, 8962, 11484, 102]),
    ],
)
def test_tokens_are_those_of_bert_base_uncased(
    model: MiniLmEmbedder, text: str, ids: list[int]
) -> None:
    assert model._tokens(text).tolist() == ids


def test_tokens_are_cut_at_the_length_the_model_knows(model: MiniLmEmbedder) -> None:
    tokens = model._tokens("pothole " * 1000)
    assert len(tokens) == 256
    assert tokens[-1] == minilm.SEP


def test_a_model_that_is_not_the_published_one_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minilm, "MODEL_SHA256", "0" * 64)
    with pytest.raises(EmbedderMisconfigured, match="sha256"):
        MiniLmEmbedder()


def test_batches_hold_texts_of_like_length_and_are_bounded() -> None:
    recorder = Recorder()
    texts = ["word " * (i % 40 + 1) for i in range(100)] + ["w" * 4000] * 3
    vectors = recorder.embed(texts)
    assert [round(float(v[0] / v[1])) for v in vectors] == [len(text.strip()) for text in texts]
    for batch in recorder.batches:
        assert len(batch) <= 16
        assert len(batch) == 1 or len(batch) * max(map(len, batch)) <= recorder.batch_characters
        assert max(map(len, batch)) <= 2 * min(map(len, batch)) + 24


def test_rows_that_are_not_finite_become_zero() -> None:
    rows = np.array([[np.nan, 1], [np.inf, 1], [0, 0], [3, 4]], dtype=np.float32)
    assert np.allclose(unit_rows(rows), np.array([[0, 0], [0, 0], [0, 0], [0.6, 0.8]]))


def test_clean_text_bounds_and_tidies() -> None:
    assert clean_text("  a\x00b\n\n c\ud83d ", 100) == "a b c"
    assert len(clean_text("ab " * 1_000_000, 50)) <= 50


# --- Loading -----------------------------------------------------------------------------------


def test_the_embedder_is_made_once_however_many_threads_ask(settings: Settings) -> None:
    settings.EMBEDDER = f"{__name__}.LoadCounter"
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: get_embedder(), range(64)))
    embedder_module._loaded.pop(settings.EMBEDDER)
    assert LoadCounter.made == 1
    assert len({id(one) for one in found}) == 1


def test_an_embedder_that_cannot_be_imported_is_named(settings: Settings) -> None:
    settings.EMBEDDER = "embeddings.nowhere.Nothing"
    with pytest.raises(EmbedderMisconfigured, match=r"embeddings\.nowhere"):
        get_embedder()


def test_a_web_process_gets_no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIVICLENS_PROCESS", "web")
    with pytest.raises(EmbedderInWebProcess):
        get_embedder()


def test_a_path_of_the_last_release_still_names_its_embedder(settings: Any) -> None:
    settings.EMBEDDER = "matching.embedders.minilm.MiniLmEmbedder"
    try:
        assert isinstance(get_embedder(), MiniLmEmbedder)
    finally:
        embedder_module._loaded.pop(settings.EMBEDDER, None)


def test_the_space_names_model_and_version(model: MiniLmEmbedder) -> None:
    assert space_of(model) == "all-MiniLM-L6-v2-int8@8199be6f"


# --- A server of one's own ---------------------------------------------------------------------


class FakeServer:
    """Speaks the embeddings interface on loopback; answers what it is told and remembers what it
    was asked.
    """

    def __init__(self) -> None:
        self.status = 200
        self.poison = ""
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[dict[str, Any], str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append((question, self.headers.get("Authorization", "")))
                rows = [
                    {"index": i, "embedding": [len(t), 1, 0]}
                    for i, t in enumerate(question["input"])
                ]
                body = (
                    server.body
                    if server.body is not None
                    else json.dumps({"data": rows[::-1]}).encode()
                )
                is_poisoned = bool(server.poison) and any(
                    server.poison in text for text in question["input"]
                )
                self.send_response(500 if is_poisoned else server.status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/v1/embeddings"
        threading.Thread(
            target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def stop(self) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()


@pytest.fixture
def server(settings: Settings) -> Iterator[FakeServer]:
    fake = FakeServer()
    settings.EMBEDDER_URL, settings.EMBEDDER_MODEL, settings.EMBEDDER_DIMENSIONS = (
        fake.url,
        "some-model",
        3,
    )
    settings.EMBEDDER_API_KEY, settings.EMBEDDER_TIMEOUT_SECONDS = "key", 5
    yield fake
    fake.stop()


def test_a_server_is_asked_with_model_and_key_and_its_rows_are_put_in_order(
    server: FakeServer,
) -> None:
    vectors = HttpEmbedder().embed(["abc", "", "a"])
    assert np.allclose(
        vectors, unit_rows(np.array([[3, 1, 0], [0, 0, 0], [1, 1, 0]], dtype=np.float32))
    )
    question, authorization = server.asked[0]
    assert question["model"] == "some-model"
    assert sorted(question["input"]) == ["a", "abc"]
    assert authorization == "Bearer key"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_server_in_trouble_is_worth_another_try(server: FakeServer, status: int) -> None:
    server.status = status
    with pytest.raises(EmbeddingUnavailable, match=str(status)):
        HttpEmbedder().embed(["a"])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_server_that_refuses_makes_the_task_dead(server: FakeServer, status: int) -> None:
    server.status = status
    with pytest.raises(EmbeddingRefused, match=str(status)) as raised:
        HttpEmbedder().embed(["a"])
    assert isinstance(raised.value, PermanentError)


def test_a_redirect_is_not_followed_with_the_key(server: FakeServer) -> None:
    server.status, server.headers = 307, {"Location": server.url}
    with pytest.raises(EmbeddingRefused, match="307"):
        HttpEmbedder().embed(["a"])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"data": null}', b'{"data": [{"index": 0}]}', b"[]"]
)
def test_an_answer_that_is_no_embedding_is_worth_another_try(
    server: FakeServer, body: bytes
) -> None:
    server.body = body
    with pytest.raises(EmbeddingUnavailable):
        HttpEmbedder().embed(["a"])


def test_vectors_of_another_dimension_are_refused_clearly(server: FakeServer) -> None:
    server.body = b'{"data": [{"index": 0, "embedding": [1, 2]}]}'
    with pytest.raises(EmbeddingRefused, match="EMBEDDER_DIMENSIONS is 3"):
        HttpEmbedder().embed(["a"])


def test_a_server_that_is_down_is_worth_another_try(server: FakeServer) -> None:
    embedder = HttpEmbedder()
    server.stop()
    with pytest.raises(EmbeddingUnavailable):
        embedder.embed(["a"])


def test_an_address_that_is_not_http_is_refused(settings: Settings) -> None:
    settings.EMBEDDER_URL, settings.EMBEDDER_MODEL = "file:///etc/passwd", "m"
    with pytest.raises(EmbedderMisconfigured):
        HttpEmbedder()


@pytest.mark.django_db
def test_a_text_over_which_the_server_breaks_takes_no_other_with_it(
    server: FakeServer, settings: Settings
) -> None:
    settings.EMBEDDER = "embeddings.http.HttpEmbedder"
    embedder_module._loaded.pop(settings.EMBEDDER, None)
    server.poison = "breaks"
    made = [
        make_opportunity(title=title, description="")
        for title in ("one", "breaks it", "two", "three")
    ]
    Task.objects.all().delete()
    with transaction.atomic():
        announce([opportunity.pk for opportunity in made])
    run_tasks(until_delay=False, raise_errors=False)
    stored = {
        row.opportunity.title: row.embedding is not None for row in OpportunityVector.objects.all()
    }
    assert stored == {"one": True, "breaks it": False, "two": True, "three": True}
    task = Task.objects.get(actor="embed_opportunities")
    assert (task.state, task.attempt) == ("succeeded", SPLIT_FROM_ATTEMPT)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, None),
        (401, None),
        (403, None),
        (404, None),
        (200, b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}]}'),
    ],
)
def test_while_the_server_answers_for_no_text_at_all_none_is_given_up(
    server: FakeServer, settings: Settings, status: int, body: bytes | None
) -> None:
    settings.EMBEDDER = "embeddings.http.HttpEmbedder"
    embedder_module._loaded.pop(settings.EMBEDDER, None)
    server.status, server.body = status, body
    made = [make_opportunity(title=title, description="") for title in ("one", "two")]
    Task.objects.all().delete()
    with transaction.atomic():
        announce([opportunity.pk for opportunity in made])
    run_tasks(until_delay=False, raise_errors=False)
    assert not OpportunityVector.objects.exists()
    assert Task.objects.get(actor="embed_opportunities").state == "dead"


@pytest.mark.django_db
def test_a_text_that_failed_while_the_server_came_back_is_looked_at_again(
    server: FakeServer, settings: Settings
) -> None:
    embedder = HttpEmbedder()
    space = VectorSpace.objects.create(label=label_of(embedder), dimensions=3)
    answers = iter([500, 500, 200, 200])

    class Recovering(HttpEmbedder):
        def embed(self, texts: list[str]) -> Vectors:
            server.status = next(answers)
            return super().embed(texts)

    assert embed_each(["one", "two"], Recovering(), space, is_split=True).any(axis=1).all()
