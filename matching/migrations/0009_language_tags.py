"""Languages that were stored before they became tags: the tags of those that are known, the others as they are.

The rules are frozen here as they stood when this migration was written.
"""

import re
import unicodedata

from django.conf.locale import LANG_INFO
from django.db import migrations

TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
SEPARATORS = re.compile("[;,/|]")
OTHER_NAMES = {
    "amharic": "am", "aymara": "ay", "cantonese": "yue", "castellano": "es", "chinese": "zh", "creole": "ht",
    "dari": "prs", "farsi": "fa", "filipino": "fil", "guarani": "gn", "haitian creole": "ht", "hmong": "hmn",
    "kreyol": "ht", "mandarin": "zh", "nahuatl": "nah", "oromo": "om", "pashto": "ps", "punjabi": "pa", "quechua": "qu",
    "somali": "so", "tagalog": "tl", "tigrinya": "ti", "twi": "tw", "yiddish": "yi", "yoruba": "yo", "हिन्दी": "hi",
    "हिंदी": "hi",
}
ONE_SPELLING = str.maketrans("ँईऊीू", "ंइउिु", "\u093c\u200c\u200d")
NASAL_BEFORE_ITS_KIND = re.compile("[ङञणनम]\u094d(?=[क-घच-झट-ढत-धप-भ])")


def normalise(apps, schema_editor):
    tags_by_name = {
        folded(info[field]): tag
        for tag, info in LANG_INFO.items()
        for field in ("name_local", "name")
        if field in info and "-" not in tag
    } | {folded(name): tag for name, tag in OTHER_NAMES.items()}
    for name in ("Profile", "Opportunity"):
        rows = apps.get_model("matching", name).objects.order_by()
        for pk, languages in rows.exclude(languages=[]).values_list("pk", "languages").iterator():
            tags = list(dict.fromkeys(tag for language in languages for tag in tags_of(language, tags_by_name)))
            if tags != languages:
                rows.filter(pk=pk).update(languages=tags)


def tags_of(language, tags_by_name):
    """Return the tags that a stored language names, each after that of its region; unknown ones as they are."""
    tags = []
    for name in filter(None, (part.strip() for part in SEPARATORS.split(language))):
        tag = name.lower().replace("_", "-")
        if not TAG.fullmatch(tag):
            tag = tags_by_name.get(folded(name))
        if tag is None:
            return [language]
        tags += [tag, tag.partition("-")[0]]
    return tags


def folded(name):
    return " ".join(fold(word) for word in name.split())


def fold(word):
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    plain = "".join(c for c in letters if not "\u0300" <= c <= "\u036f")
    return NASAL_BEFORE_ITS_KIND.sub("ं", plain.translate(ONE_SPELLING))


class Migration(migrations.Migration):
    dependencies = [("matching", "0008_category_however_spelt")]
    operations = [migrations.RunPython(normalise, migrations.RunPython.noop)]
