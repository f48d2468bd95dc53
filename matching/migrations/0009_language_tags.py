"""Languages that were stored before they became tags: the tags of those that are known, the others as they are."""

from django.db import migrations

from matching.errors import LanguageUnknown
from matching.languages import tags_of


def normalise(apps, schema_editor):
    for name in ("Profile", "Opportunity"):
        rows = apps.get_model("matching", name).objects.order_by()
        for pk, told in rows.exclude(languages=[]).values_list("pk", "languages").iterator():
            tags = list(dict.fromkeys(tag for language in told for tag in tags_or_itself(language)))
            if tags != told:
                rows.filter(pk=pk).update(languages=tags)


def tags_or_itself(language):
    try:
        return tags_of([language])
    except LanguageUnknown:
        return [language]


class Migration(migrations.Migration):
    dependencies = [("matching", "0008_category_however_spelt")]
    operations = [migrations.RunPython(normalise, migrations.RunPython.noop)]
