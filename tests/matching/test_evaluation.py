"""What `manage.py evaluate_matching` measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from matching import evaluation
from matching.models import Opportunity, VectorSpace

OPPORTUNITY = {"external_id": "o1", "kind": "volunteering", "title": "Plant street trees"}


@pytest.mark.django_db
def test_evaluation_grades_the_ranking_and_leaves_nothing(tmp_path: Path) -> None:
    opportunities, judgements = tmp_path / "o.jsonl", tmp_path / "j.jsonl"
    rows = [
        OPPORTUNITY,
        OPPORTUNITY
        | {"external_id": "2", "title": "Old", "ends_on": "2011-01-01", "description": "carpentry"},
    ]
    opportunities.write_text("\n".join(map(json.dumps, rows)))
    told = {"id": "p", "headline": "Plant trees in the park", "wants": ["volunteering"]}
    judgements.write_text(json.dumps({"profile": told, "judgements": {"o1": 3, "2": 0}}))
    found = evaluation.evaluate(opportunities, judgements)
    assert (found.ndcg_at_10, found.recall_at_20, found.opportunities) == (1.0, 1.0, 2)
    assert not Opportunity.objects.exists()
    assert not VectorSpace.objects.exists()


def test_gain_and_recall_are_those_of_the_papers() -> None:
    grades = {"a": 3, "b": 0, "c": 2}
    assert evaluation.ndcg(["a", "c", "b"], grades) == 1.0
    assert evaluation.ndcg(["x"], grades) == 0.0
    assert evaluation.recall(["x", "c"], grades) == 0.5
