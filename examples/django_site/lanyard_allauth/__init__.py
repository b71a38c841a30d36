"""A provider for django-allauth. Add `examples.django_site.lanyard_allauth` to INSTALLED_APPS."""
