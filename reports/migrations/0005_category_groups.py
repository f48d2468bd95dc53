from django.db import migrations
from django.utils.text import slugify


def give_groups_rows(apps, schema_editor):
    Category = apps.get_model("reports", "Category")
    CategoryGroup = apps.get_model("reports", "CategoryGroup")
    groups = {}
    for category in Category.objects.exclude(group_name="").order_by("position", "slug"):
        slug = slugify(category.group_name)[:50] or f"group-{category.pk}"
        if slug not in groups:
            fields = {"name": category.group_name, "position": len(groups)}
            groups[slug], _ = CategoryGroup.objects.get_or_create(slug=slug, defaults=fields)
        Category.objects.filter(pk=category.pk).update(group=groups[slug])


def write_names_of_groups(apps, schema_editor):
    Category = apps.get_model("reports", "Category")
    for category in Category.objects.exclude(group=None).select_related("group"):
        Category.objects.filter(pk=category.pk).update(group_name=category.group.name)


class Migration(migrations.Migration):
    """The names of groups, which stood with each category, become rows."""

    dependencies = [
        ("reports", "0004_catalogue"),
    ]

    operations = [
        migrations.RunPython(give_groups_rows, write_names_of_groups),
    ]
