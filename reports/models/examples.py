"""Table of the vectors of the classifier's examples."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExampleVector(models.Model):
    """The sentence vector of an example text, stored so that each is computed only once.

    `classification.classifier` fills and prunes this table; it can be computed again at any time.
    """

    space = models.CharField(
        max_length=120,
        help_text=_("The embedder and its version; vectors of two spaces are never compared."),
    )
    digest = models.BinaryField(max_length=32, help_text=_("SHA-256 of the text."))
    vector = models.BinaryField(help_text=_("The vector as float32, little-endian."))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["space", "digest"], name="reports_examplevector_unique")
        ]

    def __str__(self) -> str:
        return f"{bytes(self.digest).hex()[:12]} in {self.space}"
