"""The vector type of pgvector."""

from pgvector.django import VectorExtension

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [VectorExtension()]
