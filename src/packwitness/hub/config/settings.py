"""Django's settings.

What an operator sets comes from ``config.environment``; everything else is decided here.
"""

import os
from pathlib import Path
from typing import Any

from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from packwitness.hub.config import environment, logs
from packwitness.hub.config.schedules import SCHEDULES
from packwitness.hub.config.subscribers import SUBSCRIBERS

PACKWITNESS = environment.Environment.read(os.environ)
"""The typed settings. Rooms read Django's ``settings``; only ``config`` and ``command`` read this."""

HUB = Path(__file__).resolve().parent.parent

DATA_DIR = PACKWITNESS.data_dir.absolute()
# It holds buyers' addresses and everybody's keys.
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
KEYS_DIR = DATA_DIR / "keys"
VAULT_URL = PACKWITNESS.vault_url or (DATA_DIR / "vault").as_uri()
DIRECT_UPLOAD = PACKWITNESS.direct_upload
TSA_URL = PACKWITNESS.tsa_url
TSA_ROOTS = PACKWITNESS.tsa_roots
BASE_URL = PACKWITNESS.base_url
CONVERSIONS = PACKWITNESS.conversions
OUTBOX_SUBSCRIBERS = SUBSCRIBERS

SECRET_KEY = environment.secret_key(KEYS_DIR / "secret.key")
DEBUG = False

# --- who may call -------------------------------------------------------------------------------------------

ALLOWED_HOSTS = PACKWITNESS.hosts
CSRF_TRUSTED_ORIGINS = [BASE_URL]
TRUSTED_PROXIES = PACKWITNESS.trusted_proxies
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PACKWITNESS.secure
SESSION_COOKIE_NAME = "packwitness_session"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "packwitness_csrf"
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if PACKWITNESS.secure else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    # Product pictures lie at the shop's own addresses.
    "img-src": [CSP.SELF, "data:", "https:"],
    # A running take is played from a blob that hls.js fills.
    "media-src": [CSP.SELF, "blob:"],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

# --- rooms --------------------------------------------------------------------------------------------------

ROOMS = (
    *("ui", "scope", "audit", "outbox", "tenants", "vault", "notary", "stations", "orders"),
    *("recordings", "bundles", "links", "notify", "watch", "desk"),
)
INSTALLED_APPS = [
    *(f"packwitness.hub.{room}.apps.{room.capitalize()}Config" for room in ROOMS),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_ox",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "packwitness.hub.ui.static_files.StaticFilesMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "packwitness.hub.tenants.middleware.ScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "packwitness.hub.config.store_away.StoreAwayMiddleware",
]
ROOT_URLCONF = "packwitness.hub.config.urls"
ASGI_APPLICATION = "packwitness.hub.config.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "packwitness.hub.tenants.context.membership",
                "packwitness.hub.ui.context.page",
            ],
        },
    },
]
NAVIGATION_TEMPLATE = "desk/navigation.html"
CSRF_FAILURE_VIEW = "packwitness.hub.ui.errors.csrf_failure"

# --- data ---------------------------------------------------------------------------------------------------

DATABASES = {
    "default": (
        environment.postgresql(PACKWITNESS.database_url)
        if PACKWITNESS.database_url
        else environment.sqlite(DATA_DIR / "hub.sqlite3")
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 << 20
"""Bodies of forms and JSON; parts of films are read by the station API under the protocol's own limits."""
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 << 20
FILE_UPLOAD_PERMISSIONS = 0o600

TASKS = {
    "default": {
        "BACKEND": "django_ox.backend.OxBackend",
        "QUEUES": [],
        "OPTIONS": {
            # Forty attempts with these delays last about six hours; then the task is marked failed and shown.
            "MAX_ATTEMPTS": 40,
            "BACKOFF_INITIAL": 2,
            "BACKOFF_MAX": 600,
            "LOCK_TIMEOUT": PACKWITNESS.task_lock_seconds,
            "SCHEDULES": SCHEDULES,
        },
    }
}

# --- people -------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "packwitness.hub.tenants.sign_in.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PACKWITNESS.secure else "http"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Packwitness"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PACKWITNESS.secure

# --- messages -----------------------------------------------------------------------------------------------

MAILERS: dict[str, dict[str, Any]] = {"default": environment.mailer(PACKWITNESS.smtp_url)}
SMTP_CONFIGURED = bool(PACKWITNESS.smtp_url)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = PACKWITNESS.mail_from or f"Packwitness <no-reply@{PACKWITNESS.host}>"

# --- words and looks ----------------------------------------------------------------------------------------

USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [HUB / "locale"]
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "packwitness.hub.ui.static_files.VersionedStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 300
WHITENOISE_ALLOW_ALL_ORIGINS = False

NINJA_PAGINATION_MAX_LIMIT = 500

# --- logs ---------------------------------------------------------------------------------------------------

LOGGING_CONFIG = None
logs.configure(json=PACKWITNESS.log_format == "json", level=PACKWITNESS.log_level)
