"""Move the seeds of authenticators from plain text to sealed rows, and back."""

from binascii import hexlify, unhexlify

from django.db import migrations

from jobs import sealing


def seal(apps, schema_editor):
    sealed = apps.get_model("accounts", "StaffAuthenticator").objects
    plain = apps.get_model("otp_totp", "TOTPDevice").objects
    for device in plain.filter(confirmed=True, digits=6, step=30, t0=0):
        sealed.create(
            user_id=device.user_id,
            name=device.name,
            sealed_seed=sealing.seal_bytes(unhexlify(device.key)),
            last_step=device.last_t,
            drift_steps=device.drift,
        )
    plain.all().delete()


def unseal(apps, schema_editor):
    sealed = apps.get_model("accounts", "StaffAuthenticator").objects
    plain = apps.get_model("otp_totp", "TOTPDevice").objects
    for authenticator in sealed.all():
        plain.create(
            user_id=authenticator.user_id,
            name=authenticator.name,
            key=hexlify(sealing.unseal_bytes(authenticator.sealed_seed)).decode(),
            last_t=authenticator.last_step,
            drift=authenticator.drift_steps,
        )
    sealed.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_staff_second_factor"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [migrations.RunPython(seal, unseal)]
