from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.contrib.postgres.search import SearchVector
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0014_leaderboard_choice")]
    operations = [
        AddIndexConcurrently(
            "user",
            GinIndex(SearchVector("name", "email", config="simple"), name="accounts_user_words"),
        )
    ]
